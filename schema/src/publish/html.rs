//! HTML: the elements for the head of every page that says the terms itself.

use super::headers::noai;
use super::rsl::escaped;
use super::tdmrep::{Reserved, reserved};
use super::{Loss, Notice, rsl};

/// The elements for the head of pages in the area; empty where there is nothing to say.
#[must_use]
pub fn head(notice: &Notice) -> (String, Vec<Loss>) {
    let mut losses = Vec::new();
    let mut lines = Vec::new();
    let meta = |name: &str, content: &str| format!("<meta name=\"{name}\" content=\"{}\">", escaped(content));
    match reserved(notice, &mut losses) {
        Some(Reserved::Plain) => lines.push(meta("tdm-reservation", "1")),
        Some(Reserved::Policy) => {
            lines.push(meta("tdm-reservation", "1"));
            lines.push(meta("tdm-policy", &notice.places.policy));
        }
        Some(Reserved::Not) => lines.push(meta("tdm-reservation", "0")),
        None => {}
    }
    if noai(notice, &mut losses) {
        lines.push(meta("robots", "noai"));
    }
    if !rsl::rsl(notice).0.is_empty() {
        let address = escaped(&notice.places.rsl);
        lines.push(format!("<link rel=\"license\" type=\"application/rsl+xml\" href=\"{address}\">"));
    }
    if lines.is_empty() {
        return (String::new(), losses);
    }
    let area = format!("{} of {}", notice.area.in_words(), notice.site).replace("--", "-");
    (format!("<!-- In the head of every page under {} -->\n{}\n", escaped(&area), lines.join("\n")), losses)
}
