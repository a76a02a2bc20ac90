-- What two values have in common when they say the same thing in another spelling. Read by the golden record (support, confidence) and by
-- its comparison with checked values; identity resolution compares standard forms in its own way.
create function identity.agreement_form(attribute text, value text) returns text
language sql immutable parallel safe
return case
    when attribute in (
        'first_name', 'middle_name', 'last_name', 'full_name', 'street', 'address', 'city', 'region', 'organisation', 'occupation'
    )
        -- "ü" is written u by one and ue by another, "ß" ss or s; words are joined or not
        then replace(replace(replace(replace(replace(value, ' ', ''), 'ae', 'a'), 'oe', 'o'), 'ue', 'u'), 'ss', 's')
    when attribute = 'house_number' then translate(value, ' -/', '')
    else value
end;
comment on function identity.agreement_form(text, text) is
    'The form in which spellings of one value are equal: Müller, Mueller and Muller; Haupt Straße and Hauptstr. Takes and keeps standard forms.';

create function identity.is_vague(attribute text, value text) returns boolean
language sql immutable parallel safe
return case
    when attribute = 'birth_date' then length(value) < 10
    when attribute = 'phone' then not starts_with(value, '+')
    when attribute in ('first_name', 'middle_name') then length(value) = 1
    else false
end;
comment on function identity.is_vague(text, text) is
    'Whether the value says less than others do: a year or month of a date, a number without its country, an initial. Takes agreement forms.';

create function identity.may_mean(attribute text, vague text, fuller text) returns boolean
language sql immutable parallel safe
return identity.is_vague(attribute, vague) and case attribute
    when 'birth_date' then starts_with(fuller, vague || '-')
    when 'phone' then starts_with(fuller, '+') and right(fuller, length(vague)) = vague and length(fuller) - length(vague) between 2 and 4
    else length(fuller) > 1 and starts_with(fuller, vague)
end;
comment on function identity.may_mean(text, text, text) is
    'Whether the first value is the year of the second, its initial, its number without the country: it says less, and nothing against it.';
