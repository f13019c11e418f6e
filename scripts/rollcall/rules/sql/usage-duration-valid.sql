select 'duration_seconds' as column_name, unusable_durations as row_count from usage_counts where unusable_durations > 0
