//! Stand-ins for parsers that are written elsewhere, all silent, with the signatures that those have.

use cleartitle_schema::signals::Parsed;

pub struct AgentTable;

impl AgentTable {
    pub const fn builtin() -> &'static Self {
        &Self
    }
}

macro_rules! silent {
    ($($module:ident { $($function:ident($($argument:ty),*)),+ })+) => {
        $(pub mod $module {
            use super::*;
            #[allow(unused_imports)]
            use cleartitle_schema::vocab::AuthorityKind;
            $(pub fn $function($(_: $argument),*) -> Parsed {
                Parsed::default()
            })+
        })+
    };
}

silent! {
    robots { parse(&[u8], &AgentTable) }
    rsl { parse(&[u8], &str, AuthorityKind), parse_feed(&[u8], &str) }
    tdmrep { parse_file(&[u8]), parse_policy(&[u8], &str) }
    ai_txt { parse(&[u8]) }
    trust_txt { parse(&[u8]) }
    html { parse(&[u8], &AgentTable) }
    embedded { parse(&[u8]) }
    record { read(u16, &[(String, String)], &[u8], &AgentTable) }
}
