//! Shape: what stands between a line's values, remembered, since most lines of an index are written alike.
//!
//! A shape is learned from a line that was read member by member, and holds for another one only octet by octet: then the other's
//! members have the same names in the same order, and no name stands twice that did not before. Whoever varies the spacing of
//! each line makes its reading slower, and nothing else.

/// Most shapes that are held against a line.
const SHAPES: usize = 4;
/// Most members of a shape, and most octets between its values.
const MEMBERS: usize = 32;
const OCTETS: usize = 1_024;

/// One line's punctuation and names.
#[derive(Debug, Default)]
struct Shape {
    /// Everything that is no value, in one piece.
    octets: Vec<u8>,
    /// For each value where what stands before it ends in `octets`, and which of the wanted members it is.
    values: Vec<(usize, Option<usize>)>,
}

/// The shapes that were seen last.
#[derive(Debug, Default)]
pub struct Shapes {
    known: Vec<Shape>,
    oldest: usize,
}

/// A value of a line: where it stands, without its quotes, and which of the wanted members it is.
pub type Value = (std::ops::Range<usize>, Option<usize>);

impl Shapes {
    /// The wanted members' values in an object without escapes and control characters, if it has a shape that was seen.
    pub fn read<'a, const N: usize>(&self, json: &'a str) -> Option<[Option<&'a str>; N]> {
        self.known.iter().find_map(|shape| shape.read(json))
    }

    /// Remembers the shape of an object that was read, all of whose values are texts and stand here in their order.
    pub fn learn(&mut self, json: &str, values: &[Value]) {
        let between: usize = json.len() - values.iter().map(|(value, _)| value.len()).sum::<usize>();
        if values.len() > MEMBERS || between > OCTETS {
            return;
        }
        let mut shape = Shape::default();
        let mut from = 0;
        for (value, slot) in values {
            shape.octets.extend_from_slice(&json.as_bytes()[from..value.start]);
            shape.values.push((shape.octets.len(), *slot));
            from = value.end;
        }
        shape.octets.extend_from_slice(&json.as_bytes()[from..]);
        if self.known.len() < SHAPES {
            self.known.push(shape);
        } else {
            self.known[self.oldest] = shape;
            self.oldest = (self.oldest + 1) % SHAPES;
        }
    }
}

impl Shape {
    fn read<'a, const N: usize>(&self, json: &'a str) -> Option<[Option<&'a str>; N]> {
        let (mut found, mut from, mut at) = ([None; N], 0, 0);
        for (end, slot) in &self.values {
            let before = &self.octets[from..*end];
            if !json.as_bytes()[at..].starts_with(before) {
                return None;
            }
            at += before.len();
            let value = at..at + memchr::memchr(b'"', &json.as_bytes()[at..])?;
            (from, at) = (*end, value.end);
            if let Some(slot) = slot {
                found[*slot] = Some(&json[value]);
            }
        }
        (json.as_bytes()[at..] == self.octets[from..]).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_alike_has_the_shape() {
        let line = r#"{"a": "1", "b": "22"}"#;
        let mut shapes = Shapes::default();
        assert_eq!(shapes.read::<1>(line), None);
        shapes.learn(line, &[(7..8, None), (17..19, Some(0))]);
        assert_eq!(shapes.read(line), Some([Some("22")]));
        assert_eq!(shapes.read(r#"{"a": "longer", "b": ""}"#), Some([Some("")]));
        for other in [
            r#"{"a": "1", "b": "22"} "#,
            r#"{"a": "1", "c": "22"}"#,
            r#"{"a": "1","b": "22"}"#,
            r#"{"a": "1", "b": "22", "b": "3"}"#,
            r#"{"a": "1", "b": 22}"#,
            r#"{"a": "1"}"#,
            r#"{"a": "1", "b": "22"#,
            "",
        ] {
            assert_eq!(shapes.read::<1>(other), None, "{other}");
        }
    }

    #[test]
    fn few_shapes_are_held_and_none_that_is_large() {
        let mut shapes = Shapes::default();
        let line = |name: usize| format!("{{\"{name:03}\": \"1\"}}");
        for name in 0..100 {
            shapes.learn(&line(name), &[(9..10, Some(0))]);
        }
        let known = |shapes: &Shapes| (0..100).filter(|name| shapes.read::<1>(&line(*name)).is_some()).count();
        assert_eq!((shapes.known.len(), known(&shapes)), (SHAPES, SHAPES));
        let large = format!("{{\"{}\": \"1\"}}", "x".repeat(OCTETS));
        shapes.learn(&large, &[(OCTETS + 6..OCTETS + 7, Some(0))]);
        assert_eq!((shapes.read::<1>(&large), known(&shapes)), (None, SHAPES));
    }
}
