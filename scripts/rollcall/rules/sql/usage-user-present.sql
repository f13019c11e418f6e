select 'user_email' as column_name, without_user as row_count from usage_counts where without_user > 0
