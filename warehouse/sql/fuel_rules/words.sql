-- How the sentences of the rules say volumes, distances, money and times: the unit of the record first.

create or replace temp macro fuel_volume(litres, is_us) as case
    when is_us then printf('%.1f gal (%.1f L)', litres::double / 3.785411784, litres::double)
    else printf('%.1f L (%.1f gal)', litres::double, litres::double / 3.785411784)
end;

create or replace temp macro fuel_distance(metres, is_us) as case
    when is_us and metres < 804.672 then printf('%.0f ft (%.0f m)', metres::double / 0.3048, metres::double)
    when is_us then printf('%.1f mi (%.1f km)', metres::double / 1609.344, metres::double / 1000)
    when metres < 1000 then printf('%.0f m (%.0f ft)', metres::double, metres::double / 0.3048)
    else printf('%.1f km (%.1f mi)', metres::double / 1000, metres::double / 1609.344)
end;

create or replace temp macro fuel_economy(mpg, is_us) as case
    when is_us then printf('%.1f mpg (%.1f L/100 km)', mpg, 235.214583 / mpg)
    else printf('%.1f L/100 km (%.1f mpg)', 235.214583 / mpg, mpg)
end;

create or replace temp macro fuel_money(amount, currency) as
    if(currency = 'USD', printf('$%.2f', amount::double), printf('%.2f %s', amount::double, coalesce(currency, '')));

create or replace temp macro fuel_price(per_l, currency, is_us) as if(
    is_us,
    printf('%s/gal', fuel_money(per_l * 3.785411784, currency)),
    printf('%.3f %s/L', per_l::double, coalesce(currency, ''))
);

create or replace temp macro fuel_clock(at_utc, zone) as if(
    zone is null,
    strftime(at_utc, '%Y-%m-%d %H:%M UTC'),
    strftime((at_utc at time zone 'UTC') at time zone zone, '%Y-%m-%d %H:%M')
);

create or replace temp macro fuel_span(seconds) as if(
    seconds < 5400, printf('%.0f min', seconds::double / 60), printf('%.1f h', seconds::double / 3600)
);

create or replace temp macro is_yes(word) as coalesce(lower(word) in ('true', 'yes', 'y', 't', '1'), false);
