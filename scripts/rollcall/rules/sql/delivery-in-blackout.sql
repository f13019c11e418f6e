select delivery_date::varchar as value, blackout as detail from observed_container where blackout is not null
