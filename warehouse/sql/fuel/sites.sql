-- fuel_sites: where each site of fuel_versions is, one row for each way in which records describe a site.
--
-- Coordinates of the provider come first, then those of a station with the site's id; then of the one station of the
-- chain that is next to a geocoded place, has the site's number, or stands at its address; then a geocoded place.
-- The place of a city is nowhere to be near to. A station is only taken where it is the only one.

create or replace temp table fuel_sites as

with

described as (

    select distinct
        site_key,
        station_date,
        site_id,
        site_name,
        address,
        city,
        state,
        postcode,
        case when is_place then site_latitude end as latitude,
        case when is_place then site_longitude end as longitude,
        case
            when not is_place then null
            when lower(geo_quality) in ('provider', 'station') or geo_quality is null then 'provider'
            when lower(geo_quality) in ('city', 'postcode', 'state') then 'city'
            else 'geocoded'
        end as quality
    from (
        select
            *,
            -- Zeros stand for an unknown place in several systems.
            coalesce(
                abs(site_latitude) <= 90
                and abs(site_longitude) <= 180
                and (abs(site_latitude) > 0.01 or abs(site_longitude) > 0.01),
                false
            ) as is_place
        from fuel_versions
    )

),

sites as (

    select
        described.*,
        coalesce(station_date, date '-infinity') as asked_date,
        names.chain,
        names.number,
        fuel_address(address) as plain_address,
        upper(trim(state)) as plain_state
    from described
    left join fuel_names as names on described.site_name = names.name

),

stations as (

    select
        stations.*,
        names.chain,
        names.number,
        fuel_address(extra ->> 'address') as plain_address,
        upper(trim(state)) as plain_state
    from staging.station_ranges as stations
    left join fuel_names as names on stations.name = names.name

),

-- Every station that may be the site, and how surely; 1 is the surest.
candidates as (

    select site_key, 1 as rank, stations.*, null::double as metres
    from sites join stations on sites.site_id = stations.station_id
    where asked_date >= from_date and asked_date < to_date

    union all by name

    select
        site_key,
        2 as rank,
        stations.*,
        fuel_metres(sites.latitude, sites.longitude, stations.latitude, stations.longitude) as metres
    from sites join stations using (chain)
    where sites.quality in ('provider', 'geocoded')
        and stations.latitude between sites.latitude - 0.01 and sites.latitude + 0.01
        and metres <= case quality when 'provider' then 400 else 1000 end
        and asked_date >= from_date
        and asked_date < to_date

    union all by name

    select site_key, 3 as rank, stations.*, null::double as metres
    from sites join stations using (chain, number)
    where sites.quality is distinct from 'provider'
        and sites.plain_state is not distinct from coalesce(stations.plain_state, sites.plain_state)
        and asked_date >= from_date
        and asked_date < to_date

    union all by name

    select site_key, 4 as rank, stations.*, null::double as metres
    from sites join stations using (plain_address)
    where sites.quality is distinct from 'provider'
        and (sites.plain_state = stations.plain_state or sites.postcode = stations.extra ->> 'postcode')
        and coalesce(sites.chain = stations.chain, true)
        and asked_date >= from_date
        and asked_date < to_date

),

-- Next to a place the nearest one counts; a number or an address must be of one station only.
chosen as (

    select
        site_key,
        rank,
        min_by(station_id, (coalesce(metres, 0), station_id)) as station_id,
        min_by(name, (coalesce(metres, 0), station_id)) as station_name,
        min_by(latitude, (coalesce(metres, 0), station_id)) as station_latitude,
        min_by(longitude, (coalesce(metres, 0), station_id)) as station_longitude,
        min_by(timezone, (coalesce(metres, 0), station_id)) as station_timezone
    from candidates
    group by site_key, rank
    having rank <= 2 or count(*) = 1
    qualify row_number() over (partition by site_key order by rank) = 1

)

select
    sites.site_key,
    case
        when sites.quality = 'provider' then 'record'
        when station_id is not null then 'station'
        when sites.latitude is not null then 'record'
        else 'none'
    end as site_source,
    case site_source when 'station' then station_latitude else sites.latitude end as site_latitude,
    case site_source when 'station' then station_longitude else sites.longitude end as site_longitude,
    case site_source when 'station' then 'station' when 'record' then sites.quality end as geo_quality,
    station_id,
    station_name,
    fuel_metres(sites.latitude, sites.longitude, station_latitude, station_longitude) as station_distance_m,
    station_timezone

from sites
left join chosen using (site_key)
