//! Territories as marks name them: ISO 3166-1 alpha-2 codes and `EU`, and what is left when some are named.

use std::collections::BTreeSet;

/// ISO 3166-1 alpha-2, officially assigned codes (249 since 2011-12), sorted.
#[rustfmt::skip]
const CODES: &[&str] = &[
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ", "BA", "BB", "BD",
    "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS", "BT", "BV", "BW", "BY", "BZ", "CA",
    "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN", "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE",
    "DJ", "DK", "DM", "DO", "DZ", "EC", "EE", "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA",
    "GB", "GD", "GE", "GF", "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK",
    "HM", "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM", "JO", "JP",
    "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC", "LI", "LK", "LR", "LS", "LT",
    "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK", "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS",
    "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA", "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ",
    "OM", "PA", "PE", "PF", "PG", "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS",
    "RU", "RW", "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS", "ST",
    "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO", "TR", "TT", "TV", "TW",
    "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI", "VN", "VU", "WF", "WS", "YE", "YT", "ZA",
    "ZM", "ZW",
];

/// Member states of the European Union since 2020-02-01, sorted.
#[rustfmt::skip]
const EU: &[&str] = &[
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// A set of territories.
pub(super) type Territories = BTreeSet<&'static str>;

/// The territories that a token names in its one spelling: a code in upper case, or `EU` for its member states.
pub(super) fn named(token: &str) -> Option<&'static [&'static str]> {
    match token {
        "EU" => Some(EU),
        code => CODES.binary_search(&code).ok().map(|at| &CODES[at..=at]),
    }
}

/// Whether this is an officially assigned code of ISO 3166-1 alpha-2, in its one spelling.
#[must_use]
pub fn is_assigned(code: &str) -> bool {
    CODES.binary_search(&code).is_ok()
}

/// The territories that a token evidently means, for prohibitions: any case, and `UK` for `GB`.
pub(super) fn meant(token: &str) -> Option<&'static [&'static str]> {
    match token.to_ascii_uppercase().as_str() {
        "UK" => named("GB"),
        code => named(code),
    }
}

/// Every territory that is not in a set.
pub(super) fn others(of: &Territories) -> Vec<String> {
    CODES.iter().filter(|code| !of.contains(*code)).map(|code| (*code).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_the_rest_is_the_rest() {
        assert!(CODES.is_sorted() && EU.is_sorted());
        assert_eq!((CODES.len(), EU.len()), (249, 27));
        let eu: Territories = named("EU").unwrap().iter().copied().collect();
        let rest = others(&eu);
        assert_eq!(rest.len(), 222);
        assert!(!rest.contains(&"DE".to_owned()) && rest.contains(&"GB".to_owned()));
        assert_eq!((named("us"), named("UK"), named("developing")), (None, None, None));
        assert_eq!((meant("us"), meant("uk")), (named("US"), named("GB")));
    }
}
