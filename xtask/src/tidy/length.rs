//! Files that have grown too long.

use super::{File, Finding};

/// Longer than this is worth a look.
const NOTED: usize = 400;
/// Longer than this is more than one thing.
const LIMIT: usize = 600;

pub(super) struct Lengths {
    /// Files over the limit.
    pub(super) findings: Vec<Finding>,
    /// Files that come near it, longest first.
    pub(super) notes: Vec<Finding>,
}

/// Judges each file by its number of lines.
pub(super) fn check(files: &[File]) -> Lengths {
    let mut counted: Vec<(usize, &File)> = files
        .iter()
        .map(|file| (file.text.lines().count(), file))
        .collect();
    counted.sort_by_key(|(lines, _)| std::cmp::Reverse(*lines));
    let judge = |(lines, file): &(usize, &File), limit: usize| Finding {
        file: file.path.clone(),
        line: *lines,
        message: format!("{lines} lines, expected at most {limit}"),
    };
    let (over, under): (Vec<_>, Vec<_>) =
        counted.into_iter().partition(|(lines, _)| *lines > LIMIT);
    let noted = under.iter().filter(|(lines, _)| *lines > NOTED);
    Lengths {
        findings: over.iter().map(|counted| judge(counted, LIMIT)).collect(),
        notes: noted.map(|counted| judge(counted, NOTED)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_noted_and_a_very_long_one_is_found() {
        let file = |lines: usize| File {
            path: format!("{lines}.rs"),
            text: "x\n".repeat(lines),
        };
        let lengths = check(&[file(400), file(401), file(600), file(601)]);
        let names =
            |findings: &[Finding]| findings.iter().map(|f| f.file.clone()).collect::<Vec<_>>();
        assert_eq!(names(&lengths.findings), ["601.rs"]);
        assert_eq!(names(&lengths.notes), ["600.rs", "401.rs"]);
    }
}
