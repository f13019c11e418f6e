select 'event_id' as column_name, repeated as row_count from usage_counts where repeated > 0
