//! The known word that comes nearest to one that is not known.

/// The word of these that is nearest to this one: by its letters, unless more than
/// a third are others, or because it goes on where this one ends.
pub fn nearest<'a>(word: &str, among: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = word.chars().count();
    let far = |known: &str| match known.strip_prefix(word) {
        Some(_) if letters > 3 => 0,
        _ => distance(word, known),
    };
    let (distance, found) = among.into_iter().map(|known| (far(known), known)).min_by_key(|(far, _)| *far)?;
    (distance * 3 <= letters + 1).then_some(found)
}

/// How many letters must be changed, added or taken to make one text the other;
/// capitals count as small ones.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.to_lowercase().chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (place, known) in other.iter().enumerate() {
            let swapped = diagonal + usize::from(letter != *known);
            diagonal = row[place + 1];
            row[place + 1] = swapped.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_near_and_another_word_is_not() {
        let known = ["errors", "online", "time_to_success"];
        let cases = [
            ("error", Some("errors")),
            ("ONLINE", Some("online")),
            ("time_to_sucess", Some("time_to_success")),
            ("onlien", Some("online")),
            ("time_to", Some("time_to_success")),
            ("memory", None),
            ("x", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}
