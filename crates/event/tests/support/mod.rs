//! An oracle: JSON as a plain tree that keeps duplicates, order and the spelling of numbers, with the edits of
//! an event made on it in the most obvious way. Strings and numbers are judged by `serde_json`.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod random;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Syntax,
    LoneSurrogate,
    TooDeep,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
}

/// A path as an event's `Path` is written, every name in quotes.
pub(crate) fn written(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Index(index) => path.push_str(&format!("[{index}]")),
            Step::Name(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&serde_json::to_string(name).unwrap());
            }
        }
    }
    path
}

pub(crate) fn read(text: &[u8]) -> Result<Json, Refused> {
    let mut reader = Reader {
        text,
        at: 0,
        verdict: None,
    };
    let json = reader.value(0)?;
    reader.blank();
    if reader.at != text.len() {
        return Err(Refused::Syntax);
    }
    reader.verdict.map_or(Ok(json), Err)
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// An exception to the grammar, to be told only if the grammar is kept to the end.
    verdict: Option<Refused>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        self.blank();
        let eaten = self.peek() == Some(byte);
        self.at += usize::from(eaten);
        eaten
    }

    fn value(&mut self, depth: usize) -> Result<Json, Refused> {
        self.blank();
        match self.peek() {
            Some(b'"') => Ok(Json::Text(self.string()?)),
            Some(b'[' | b'{') if depth == 64 => {
                // Deeper text is left to serde_json as a whole.
                let rest =
                    std::str::from_utf8(&self.text[self.at..]).map_err(|_| Refused::Syntax)?;
                let mut stream =
                    serde_json::Deserializer::from_str(rest).into_iter::<serde::de::IgnoredAny>();
                stream
                    .next()
                    .ok_or(Refused::Syntax)?
                    .map_err(|_| Refused::Syntax)?;
                self.at += stream.byte_offset();
                self.verdict = Some(Refused::TooDeep);
                Ok(Json::Null)
            }
            Some(b'[') => {
                self.at += 1;
                let mut elements = Vec::new();
                if self.eat(b']') {
                    return Ok(Json::Array(elements));
                }
                loop {
                    elements.push(self.value(depth + 1)?);
                    if self.eat(b']') {
                        return Ok(Json::Array(elements));
                    }
                    if !self.eat(b',') {
                        return Err(Refused::Syntax);
                    }
                }
            }
            Some(b'{') => {
                self.at += 1;
                let mut members = Vec::new();
                if self.eat(b'}') {
                    return Ok(Json::Object(members));
                }
                loop {
                    self.blank();
                    let name = self.string()?;
                    if !self.eat(b':') {
                        return Err(Refused::Syntax);
                    }
                    members.push((name, self.value(depth + 1)?));
                    if self.eat(b'}') {
                        return Ok(Json::Object(members));
                    }
                    if !self.eat(b',') {
                        return Err(Refused::Syntax);
                    }
                }
            }
            _ => self.word(),
        }
    }

    fn string(&mut self) -> Result<String, Refused> {
        if self.peek() != Some(b'"') {
            return Err(Refused::Syntax);
        }
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => return Err(Refused::Syntax),
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let raw = std::str::from_utf8(&self.text[start..self.at]).map_err(|_| Refused::Syntax)?;
        if serde_json::from_str::<serde::de::IgnoredAny>(raw).is_err() {
            return Err(Refused::Syntax);
        }
        Ok(serde_json::from_str(raw).unwrap_or_else(|_| {
            self.verdict.get_or_insert(Refused::LoneSurrogate);
            String::new()
        }))
    }

    fn word(&mut self) -> Result<Json, Refused> {
        let rest = &self.text[self.at..];
        let len = rest.iter().position(
            |b| !matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.'),
        );
        let word = &rest[..len.unwrap_or(rest.len())];
        let word = std::str::from_utf8(word).map_err(|_| Refused::Syntax)?;
        self.at += word.len();
        match word {
            "null" => Ok(Json::Null),
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            _ if serde_json::from_str::<serde::de::IgnoredAny>(word).is_ok() => {
                Ok(Json::Number(word.into()))
            }
            _ => Err(Refused::Syntax),
        }
    }
}

impl Json {
    pub(crate) fn get(&self, path: &[Step]) -> Option<&Json> {
        let Some((step, rest)) = path.split_first() else {
            return Some(self);
        };
        match (self, step) {
            (Json::Object(members), Step::Name(name)) => {
                members.iter().rfind(|(key, _)| key == name)?.1.get(rest)
            }
            (Json::Array(elements), Step::Index(index)) => elements.get(*index)?.get(rest),
            _ => None,
        }
    }

    /// False, and nothing changed, if it cannot be set.
    pub(crate) fn set(&mut self, path: &[Step], new: Json) -> bool {
        let before = self.clone();
        let done = self.try_set(path, new);
        if !done {
            *self = before;
        }
        done
    }

    fn try_set(&mut self, path: &[Step], new: Json) -> bool {
        let Some((step, rest)) = path.split_first() else {
            *self = new;
            return true;
        };
        let made = match rest.first() {
            Some(Step::Index(_)) => Json::Array(Vec::new()),
            Some(Step::Name(_)) => Json::Object(Vec::new()),
            None => Json::Null,
        };
        match (self, step) {
            (Json::Object(members), Step::Name(name)) => {
                if !members.iter().any(|(key, _)| key == name) {
                    members.push((name.clone(), made));
                }
                members
                    .iter_mut()
                    .rfind(|(key, _)| key == name)
                    .unwrap()
                    .1
                    .try_set(rest, new)
            }
            (Json::Array(elements), Step::Index(index)) if *index <= elements.len() => {
                if *index == elements.len() {
                    elements.push(made);
                }
                elements[*index].try_set(rest, new)
            }
            _ => false,
        }
    }

    pub(crate) fn remove(&mut self, path: &[Step]) -> bool {
        let Some((step, rest)) = path.split_first() else {
            return false;
        };
        match (self, step) {
            (Json::Object(members), Step::Name(name)) if rest.is_empty() => {
                let before = members.len();
                members.retain(|(key, _)| key != name);
                members.len() < before
            }
            (Json::Object(members), Step::Name(name)) => {
                let hits = members.iter_mut().filter(|(key, _)| key == name);
                hits.map(|(_, value)| value.remove(rest))
                    .fold(false, |any, hit| any | hit)
            }
            (Json::Array(elements), Step::Index(index)) if *index < elements.len() => {
                if rest.is_empty() {
                    elements.remove(*index);
                    true
                } else {
                    elements[*index].remove(rest)
                }
            }
            _ => false,
        }
    }

    /// `None`, and nothing changed, if the value cannot be set at `to`.
    pub(crate) fn rename(&mut self, from: &[Step], to: &[Step]) -> Option<bool> {
        let Some(value) = self.get(from).cloned() else {
            return Some(false);
        };
        if from == to {
            return Some(true);
        }
        let (from_last, from_parent) = from.split_last()?;
        let (to_last, to_parent) = to.split_last()?;
        if let (Step::Name(old), Step::Name(new)) = (from_last, to_last)
            && from_parent == to_parent
            && self.get(to).is_none()
        {
            self.rename_last(from_parent, old, new);
            self.remove(from);
            return Some(true);
        }
        let before = self.clone();
        self.remove(from);
        if self.set(to, value) {
            return Some(true);
        }
        *self = before;
        None
    }

    fn rename_last(&mut self, parent: &[Step], old: &str, new: &str) {
        match (self, parent.split_first()) {
            (Json::Object(members), None) => {
                if let Some((key, _)) = members.iter_mut().rfind(|(key, _)| key == old) {
                    *key = new.into();
                }
            }
            (Json::Object(members), Some((Step::Name(name), rest))) => {
                if let Some((_, value)) = members.iter_mut().rfind(|(key, _)| key == name) {
                    value.rename_last(rest, old, new);
                }
            }
            (Json::Array(elements), Some((Step::Index(index), rest))) => {
                if let Some(element) = elements.get_mut(*index) {
                    element.rename_last(rest, old, new);
                }
            }
            _ => {}
        }
    }
}
