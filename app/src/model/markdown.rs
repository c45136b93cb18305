//! The part of Markdown that notes are shown in: paragraphs, lists with boxes and one more list within, headings, code,
//! emphasis and links. Everything else is text, and nothing is HTML.
//!
//! Reads a text in one go: what is looked for and not there is not looked for twice, and nothing nests deeper than
//! [`MAX_DEPTH`]. What a line break is to its writer it is to its reader: it stays one.

/// Longest text that is read as Markdown, in bytes; a longer one is shown as it is.
const MAX_BYTES: usize = 64 * 1024;
/// How deep emphasis and brackets nest within a line of text.
const MAX_DEPTH: usize = 8;

/// A part of a text that stands by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// Lines of text.
    Paragraph(Vec<Span>),
    /// A line of text above others.
    Heading(Vec<Span>),
    /// Lines as they are.
    Code(String),
    /// Items below each other.
    List(List),
}

/// A list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List {
    /// The number of its first item, if they are numbered.
    pub(crate) first: Option<u32>,
    /// Its items.
    pub(crate) items: Vec<Item>,
}

/// An item of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Item {
    /// Whether its box is ticked, if it has one.
    pub(crate) done: Option<bool>,
    /// What it says.
    pub(crate) text: Vec<Span>,
    /// What is listed below it.
    pub(crate) below: Vec<List>,
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// As it is.
    Text(String),
    /// The next line begins.
    Break,
    /// Strong.
    Strong(Vec<Self>),
    /// Stressed.
    Stressed(Vec<Self>),
    /// Code within a line.
    Code(String),
    /// A link: where to, and what it says.
    Link(String, Vec<Self>),
}

/// Reads a text.
pub(crate) fn parse(text: &str) -> Vec<Block> {
    if text.len() > MAX_BYTES {
        return vec![Block::Paragraph(vec![Span::Text(text.to_owned())])];
    }
    let mut blocks = Vec::new();
    // The lines of the paragraph that is being read.
    let mut open = String::new();
    let mut is_after_blank = true;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        let was_after_blank = std::mem::replace(&mut is_after_blank, trimmed.is_empty());
        if let Some(fence) = fence(trimmed) {
            end_paragraph(&mut blocks, &mut open);
            let is_end = |line: &str| line.trim().len() >= fence && line.trim().bytes().all(|byte| byte == b'`');
            let code: Vec<&str> = lines.by_ref().take_while(|line| !is_end(line)).collect();
            blocks.push(Block::Code(code.join("\n")));
        } else if let Some(heading) = heading(trimmed) {
            end_paragraph(&mut blocks, &mut open);
            blocks.push(Block::Heading(spans(heading)));
        } else if let Some(mark) = mark(line) {
            end_paragraph(&mut blocks, &mut open);
            put_item(&mut blocks, mark);
        } else if trimmed.is_empty() {
            end_paragraph(&mut blocks, &mut open);
        } else if let Some(item) = last_item(&mut blocks).filter(|_| open.is_empty() && !was_after_blank) {
            item.text.push(Span::Break);
            item.text.extend(spans(trimmed));
        } else {
            if !open.is_empty() {
                open.push('\n');
            }
            open.push_str(trimmed);
        }
    }
    end_paragraph(&mut blocks, &mut open);
    blocks
}

fn end_paragraph(blocks: &mut Vec<Block>, open: &mut String) {
    if !open.is_empty() {
        blocks.push(Block::Paragraph(spans(open)));
        open.clear();
    }
}

/// How many backticks begin a block of code.
fn fence(line: &str) -> Option<usize> {
    let length = line.bytes().take_while(|byte| *byte == b'`').count();
    (length >= 3 && !line.get(length..)?.contains('`')).then_some(length)
}

fn heading(line: &str) -> Option<&str> {
    let depth = line.bytes().take_while(|byte| *byte == b'#').count();
    let words = line.get(depth..)?.strip_prefix(' ')?;
    (1..=6).contains(&depth).then(|| words.trim())
}

/// A line that begins an item.
struct Mark<'a> {
    is_within: bool,
    number: Option<u32>,
    done: Option<bool>,
    words: &'a str,
}

fn mark(line: &str) -> Option<Mark<'_>> {
    let words = line.trim_start();
    let is_within = line.starts_with('\t') || line.len() - words.len() >= 2;
    let digits = words.bytes().take(9).take_while(u8::is_ascii_digit).count();
    let (number, words) = if digits > 0 {
        let rest = words.get(digits..)?;
        (words.get(..digits)?.parse().ok(), rest.strip_prefix(['.', ')'])?)
    } else {
        (None, words.strip_prefix(['-', '*', '+'])?)
    };
    let words = words.strip_prefix([' ', '\t'])?.trim();
    let boxes = [("[ ] ", false), ("[x] ", true), ("[X] ", true)];
    let ticked = boxes.iter().find_map(|(text, done)| Some((words.strip_prefix(text)?, *done)));
    let (words, done) = ticked.map_or((words, None), |(words, done)| (words.trim_start(), Some(done)));
    Some(Mark { is_within, number, done, words })
}

/// Puts an item at the end of the list that is there, or begins another one.
fn put_item(blocks: &mut Vec<Block>, mark: Mark<'_>) {
    let item = Item { done: mark.done, text: spans(mark.words), below: Vec::new() };
    if let Some(Block::List(list)) = blocks.last_mut() {
        if let Some(outer) = list.items.last_mut().filter(|_| mark.is_within) {
            match outer.below.last_mut().filter(|below| below.first.is_some() == mark.number.is_some()) {
                Some(below) => below.items.push(item),
                None => outer.below.push(List { first: mark.number, items: vec![item] }),
            }
            return;
        }
        if list.first.is_some() == mark.number.is_some() {
            list.items.push(item);
            return;
        }
    }
    blocks.push(Block::List(List { first: mark.number, items: vec![item] }));
}

/// The item that the next line would go on.
fn last_item(blocks: &mut [Block]) -> Option<&mut Item> {
    let Some(Block::List(list)) = blocks.last_mut() else { return None };
    let outer = list.items.last_mut()?;
    if outer.below.is_empty() { Some(outer) } else { outer.below.last_mut()?.items.last_mut() }
}

/// What has begun within a line and may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    Strong,
    Stressed,
    Bracket,
}

impl Begun {
    /// What it is if it does not end.
    fn text(self) -> &'static str {
        match self {
            Self::Strong => "**",
            Self::Stressed => "*",
            Self::Bracket => "[",
        }
    }
}

/// Reads the text of one block.
struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// What has begun, and what stands before it.
    begun: Vec<(Begun, Vec<Span>)>,
    /// What was read since.
    spans: Vec<Span>,
    /// Behind here no run of one, or two, backticks comes any more that could end code.
    without_code: [bool; 2],
    /// Up to here no destination of a link ends.
    without_end: usize,
}

fn spans(text: &str) -> Vec<Span> {
    let begin = Reader { text, at: 0, begun: Vec::new(), spans: Vec::new(), without_code: [false; 2], without_end: 0 };
    begin.read()
}

impl Reader<'_> {
    fn read(mut self) -> Vec<Span> {
        while let Some(next) = self.rest().chars().next() {
            step(1);
            let is_taken = match next {
                '\\' => self.escape(),
                '`' => self.code(),
                '*' => self.stars(),
                '[' => self.begin(Begun::Bracket),
                ']' => self.link(),
                '\n' => {
                    self.spans.push(Span::Break);
                    self.at += 1;
                    true
                }
                'h' | 'H' | 'm' | 'M' => self.bare_link(),
                _ => false,
            };
            if !is_taken {
                // A run of stars or backticks that means nothing is not looked at again star by star.
                let run = self.rest().chars().take_while(|other| *other == next && matches!(next, '*' | '`')).count();
                let length = if run > 0 { run } else { next.len_utf8() };
                let text = self.rest().get(..length).unwrap_or_default().to_owned();
                push_text(&mut self.spans, &text);
                self.at += length;
            }
        }
        while !self.begun.is_empty() {
            self.give_up();
        }
        self.spans
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn before(&self) -> Option<char> {
        self.text.get(..self.at).and_then(|before| before.chars().next_back())
    }

    /// The last thing that has begun does not end: it is text.
    fn give_up(&mut self) {
        if let Some((begun, mut before)) = self.begun.pop() {
            push_text(&mut before, begun.text());
            step(self.spans.len());
            for span in std::mem::take(&mut self.spans) {
                match span {
                    Span::Text(text) => push_text(&mut before, &text),
                    span => before.push(span),
                }
            }
            self.spans = before;
        }
    }

    fn begin(&mut self, begun: Begun) -> bool {
        if self.begun.len() == MAX_DEPTH {
            return false;
        }
        self.at += begun.text().len();
        self.begun.push((begun, std::mem::take(&mut self.spans)));
        true
    }

    /// Ends what began last of its kind, and gives what it holds. What began within it does not end.
    fn end(&mut self, begun: Begun) -> Option<Vec<Span>> {
        let place = self.begun.iter().rposition(|(known, _)| *known == begun)?;
        while self.begun.len() > place + 1 {
            self.give_up();
        }
        let (_, before) = self.begun.pop()?;
        Some(std::mem::replace(&mut self.spans, before))
    }

    /// A backslash takes its meaning from a sign.
    fn escape(&mut self) -> bool {
        let sign = self.rest().chars().nth(1).filter(char::is_ascii_punctuation);
        if let Some(sign) = sign {
            push_text(&mut self.spans, sign.encode_utf8(&mut [0; 4]));
            self.at += 2;
        }
        sign.is_some()
    }

    fn code(&mut self) -> bool {
        let length = self.rest().bytes().take_while(|byte| *byte == b'`').count();
        if length > self.without_code.len() || self.without_code.get(length - 1) == Some(&true) {
            return false;
        }
        let from = self.at + length;
        let Some(to) = end_of_code(self.text, from, length) else {
            if let Some(without) = self.without_code.get_mut(length - 1) {
                *without = true;
            }
            return false;
        };
        let code = self.text.get(from..to).unwrap_or_default().replace('\n', " ");
        // A blank on both sides is there to keep backticks apart.
        let inner = code.strip_prefix(' ').and_then(|code| code.strip_suffix(' '));
        let inner = inner.filter(|inner| !inner.trim().is_empty());
        self.spans.push(Span::Code(inner.unwrap_or(&code).to_owned()));
        self.at = to + length;
        true
    }

    fn stars(&mut self) -> bool {
        let length = self.rest().bytes().take_while(|byte| *byte == b'*').count();
        let (before, after) = (self.before(), self.rest().chars().nth(length));
        let is_blank = |char: Option<char>| char.is_none_or(char::is_whitespace);
        let is_sign = |char: Option<char>| char.is_some_and(|char| !char.is_alphanumeric() && !char.is_whitespace());
        // <https://spec.commonmark.org/0.31.2/#left-flanking-delimiter-run>
        let may_begin = !is_blank(after) && (!is_sign(after) || is_blank(before) || is_sign(before));
        let may_end = !is_blank(before) && (!is_sign(before) || is_blank(after) || is_sign(after));
        let begun: &[Begun] = match length {
            1 => &[Begun::Stressed],
            2 => &[Begun::Strong],
            3 => &[Begun::Stressed, Begun::Strong],
            _ => return false,
        };
        let has_begun = |wanted: &Begun| self.begun.iter().any(|(begun, _)| begun == wanted);
        if may_end && begun.iter().all(has_begun) {
            for begun in begun.iter().rev() {
                let inner = self.end(*begun).unwrap_or_default();
                self.spans.push(if *begun == Begun::Strong { Span::Strong(inner) } else { Span::Stressed(inner) });
            }
            self.at += length;
            return true;
        }
        may_begin && self.begun.len() + begun.len() <= MAX_DEPTH && begun.iter().all(|begun| self.begin(*begun))
    }

    /// `](destination)`
    fn link(&mut self) -> bool {
        let has_begun = self.begun.iter().any(|(begun, _)| *begun == Begun::Bracket);
        let from = self.at + "](".len();
        if !has_begun || !self.rest().starts_with("](") || from <= self.without_end {
            return false;
        }
        let rest = self.text.get(from..).unwrap_or_default();
        let length = rest.find(|char: char| char == ')' || char.is_whitespace()).unwrap_or(rest.len());
        step(length);
        let url = rest.get(..length).unwrap_or_default();
        if !rest.get(length..).unwrap_or_default().starts_with(')') {
            self.without_end = from + length;
            return false;
        }
        if !is_link(url) {
            return false;
        }
        let url = url.to_owned();
        let words = self.end(Begun::Bracket).unwrap_or_default();
        self.spans.push(Span::Link(url, without_links(words)));
        self.at = from + length + 1;
        // No link is within another one.
        while self.begun.iter().any(|(begun, _)| *begun == Begun::Bracket) {
            self.give_up();
        }
        true
    }

    fn bare_link(&mut self) -> bool {
        if self.before().is_some_and(char::is_alphanumeric) || scheme(self.rest()).is_none() {
            return false;
        }
        let is_end = |char: char| {
            char.is_whitespace() || char.is_control() || matches!(char, '<' | '>' | '"' | '*' | '`' | '[' | ']')
        };
        let rest = self.rest();
        let mut url = rest.split(is_end).next().unwrap_or_default();
        step(url.len());
        let mut unmatched = url.matches(')').count().saturating_sub(url.matches('(').count());
        loop {
            // What ends a sentence, or a bracket around the link, is not a part of it.
            let last = url.chars().next_back();
            let is_around = match last {
                Some(')') if unmatched > 0 => {
                    unmatched -= 1;
                    true
                }
                last => matches!(last, Some('.' | ',' | ';' | ':' | '!' | '?' | '\'')),
            };
            if !is_around {
                break;
            }
            url = url.get(..url.len() - 1).unwrap_or_default();
        }
        if !is_link(url) {
            return false;
        }
        let url = url.to_owned();
        self.at += url.len();
        self.spans.push(Span::Link(url.clone(), vec![Span::Text(url)]));
        true
    }
}

/// Where the next run of exactly so many backticks is.
fn end_of_code(text: &str, from: usize, length: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let Some(length_to_next) = text.get(at..)?.find('`') else {
            step(text.len() - at);
            return None;
        };
        step(length_to_next);
        at += length_to_next;
        let run = text.get(at..)?.bytes().take_while(|byte| *byte == b'`').count();
        if run == length {
            return Some(at);
        }
        at += run;
    }
}

/// How a link begins that may be followed.
fn scheme(text: &str) -> Option<&'static str> {
    let begins = |scheme: &&str| text.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    ["https://", "http://", "mailto:"].into_iter().find(begins)
}

fn is_link(url: &str) -> bool {
    scheme(url).is_some_and(|scheme| url.len() > scheme.len()) && !url.contains(char::is_control)
}

fn without_links(spans: Vec<Span>) -> Vec<Span> {
    let flat = |span| match span {
        Span::Link(_, words) => words,
        Span::Strong(inner) => vec![Span::Strong(without_links(inner))],
        Span::Stressed(inner) => vec![Span::Stressed(without_links(inner))],
        span => vec![span],
    };
    spans.into_iter().flat_map(flat).collect()
}

/// So many steps of work are done. Counted in tests: hostile texts are to cost no more than others.
#[cfg(not(test))]
fn step(_: usize) {}

#[cfg(test)]
fn step(steps: usize) {
    tests::STEPS.with(|count| count.set(count.get() + steps));
}

fn push_text(spans: &mut Vec<Span>, text: &str) {
    match spans.last_mut() {
        Some(Span::Text(last)) => last.push_str(text),
        _ => spans.push(Span::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    use super::*;

    thread_local! {
        pub(super) static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    /// What was read, in one line: `p(a /b *(c))`.
    fn shown(blocks: &[Block]) -> String {
        blocks.iter().map(block_text).collect()
    }

    fn block_text(block: &Block) -> String {
        match block {
            Block::Paragraph(spans) => format!("p({})", spans_text(spans)),
            Block::Heading(spans) => format!("h({})", spans_text(spans)),
            Block::Code(code) => format!("pre({code})"),
            Block::List(list) => list_text(list),
        }
    }

    fn list_text(list: &List) -> String {
        let item = |item: &Item| {
            let mark = item.done.map_or("", |done| if done { "x " } else { "_ " });
            let below: String = item.below.iter().map(list_text).collect();
            format!("li({mark}{}{below})", spans_text(&item.text))
        };
        let items: String = list.items.iter().map(item).collect();
        list.first.map_or_else(|| format!("ul({items})"), |first| format!("ol{first}({items})"))
    }

    fn spans_text(spans: &[Span]) -> String {
        let text = |span: &Span| match span {
            Span::Text(text) => text.clone(),
            Span::Break => "/".to_owned(),
            Span::Strong(inner) => format!("**({})", spans_text(inner)),
            Span::Stressed(inner) => format!("*({})", spans_text(inner)),
            Span::Code(code) => format!("`({code})"),
            Span::Link(url, inner) => format!("<{url}>({})", spans_text(inner)),
        };
        spans.iter().map(text).collect()
    }

    fn read(text: &str) -> String {
        shown(&parse(text))
    }

    #[test]
    fn blocks_are_told_apart() {
        assert_eq!(read("one\ntwo\n\nthree"), "p(one/two)p(three)");
        assert_eq!(read("# Gate 3\nopen at *9*"), "h(Gate 3)p(open at *(9))");
        assert_eq!(read("#tag"), "p(#tag)");
        assert_eq!(read("```sh\nls *\n\n- x\n```\nend"), "pre(ls *\n\n- x)p(end)");
        assert_eq!(read("```\nnot closed"), "pre(not closed)");
        assert_eq!(read("- a\n- [x] b\n  1. c\n  2. d\n    - e\n- f"), "ul(li(a)li(x bol1(li(c)li(d))ul(li(e)))li(f))");
        assert_eq!(read("3. a\n4. b\nmore"), "ol3(li(a)li(b/more))");
        assert_eq!(read("-no\n* [ ] yes"), "p(-no)ul(li(_ yes))");
        assert_eq!(read(""), "");
    }

    #[test]
    fn spans_are_told_apart() {
        assert_eq!(read("**a *b* c** ***d*** 2*3*4 * x"), "p(**(a *(b) c) *(**(d)) 2*(3)4 * x)");
        assert_eq!(read("a `b*c*` ``d`e`` `f"), "p(a `(b*c*) `(d`e) `f)");
        assert_eq!(read("\\*no\\* \\a **open"), "p(*no* \\a **open)");
        assert_eq!(read("**a *b**"), "p(**(a *b))");
        assert_eq!(read("snake_case_name and __init__"), "p(snake_case_name and __init__)");
    }

    #[test]
    fn only_links_that_may_be_followed_are_links() {
        assert_eq!(read("[the *map*](https://a.example/b?c=(d) now"), "p(<https://a.example/b?c=(d>(the *(map)) now)");
        assert_eq!(
            read("see http://a.example/b, (HTTPS://c.example/d_(e))."),
            "p(see <http://a.example/b>(http://a.example/b), (<HTTPS://c.example/d_(e)>(HTTPS://c.example/d_(e))).)"
        );
        assert_eq!(read("[mail](mailto:a@b.example)"), "p(<mailto:a@b.example>(mail))");
        for text in [
            "[x](javascript:alert(1))",
            "[x](data:text/html,x)",
            "[x](/peer/v1/rooms)",
            "[x](//a.example)",
            "[x]()",
            "[x](https://)",
            "xhttps://a.example",
            "https://",
            "<b onclick=x>",
        ] {
            let spans = parse(text);
            assert_eq!(spans.len(), 1);
            assert!(!shown(&spans).contains('<') || text.starts_with('<'), "{text}: {}", shown(&spans));
        }
        // No link is within another one, and what it says goes nowhere else.
        assert_eq!(read("[https://a.example](https://b.example)"), "p(<https://b.example>(https://a.example))");
        assert_eq!(
            read("[a [b](https://b.example) c](https://c.example)"),
            "p([a <https://b.example>(b) c](<https://c.example>(https://c.example)))"
        );
    }

    #[test]
    fn hostile_texts_cost_no_more_than_others() {
        for part in [
            "*",
            "**",
            "*a",
            "**a ",
            "`",
            "`a",
            "``a `",
            "[",
            "[a](",
            "[](https://a",
            "](",
            "https://",
            "http://.",
            "mailto:",
            "- ",
            "  - a\n",
            "***a",
            "\\",
            "# ",
            "[*`",
            "a**b",
            "(https://a)",
        ] {
            let steps = |times: usize| {
                let text = part.repeat(times);
                STEPS.with(|count| count.set(0));
                let _ = parse(&text);
                STEPS.with(Cell::get) / text.len().max(1)
            };
            assert!(steps(4_000) <= 16, "{part}: {} steps a byte", steps(4_000));
        }
    }

    /// What another reader of Markdown makes of it.
    fn oracle(text: &str) -> String {
        let mut out = String::new();
        for event in Parser::new_ext(text, Options::ENABLE_TASKLISTS) {
            match event {
                Event::Start(Tag::Paragraph) => out.push_str("p("),
                Event::Start(Tag::Heading { .. }) => out.push_str("h("),
                Event::Start(Tag::CodeBlock(_)) => out.push_str("pre("),
                Event::Start(Tag::List(None)) => out.push_str("ul("),
                Event::Start(Tag::List(Some(first))) => out.push_str(&format!("ol{first}(")),
                Event::Start(Tag::Item) => out.push_str("li("),
                Event::Start(Tag::Strong) => out.push_str("**("),
                Event::Start(Tag::Emphasis) => out.push_str("*("),
                Event::Start(Tag::Link { dest_url, .. }) => out.push_str(&format!("<{dest_url}>(")),
                Event::End(TagEnd::CodeBlock) => {
                    out.truncate(out.trim_end_matches('\n').len());
                    out.push(')');
                }
                Event::End(_) => out.push(')'),
                Event::Text(text) => out.push_str(&text),
                Event::Code(code) => out.push_str(&format!("`({code})")),
                Event::SoftBreak => out.push('/'),
                Event::TaskListMarker(done) => out.push_str(if done { "x " } else { "_ " }),
                other => panic!("{other:?}"),
            }
        }
        out
    }

    fn words() -> impl Strategy<Value = String> {
        proptest::collection::vec("[a-z]{1,5}|[0-9]{1,3}[a-z]|é|[a-z]-[a-z]|[a-z]{2},", 1..4)
            .prop_map(|words| words.join(" "))
    }

    fn line() -> impl Strategy<Value = String> {
        let span = prop_oneof![
            4 => words(),
            1 => words().prop_map(|words| format!("*{words}*")),
            1 => words().prop_map(|words| format!("**{words}**")),
            1 => (words(), words()).prop_map(|(outer, inner)| format!("**{outer} *{inner}* {outer}**")),
            1 => (words(), words()).prop_map(|(outer, inner)| format!("*{outer} **{inner}***")),
            1 => words().prop_map(|words| format!("`{words}`")),
            1 => words().prop_map(|words| format!("``{words}` *{words}``")),
            1 => words().prop_map(|words| format!("[{words}](https://a.example/{})", words.replace(' ', "_"))),
            1 => words().prop_map(|words| format!("[**{words}**](mailto:a@b.example)")),
            1 => words().prop_map(|words| format!("\\*{words}\\*")),
            1 => words().prop_map(|words| format!("* {words}")),
            1 => words().prop_map(|words| format!("**{words}")),
            1 => words().prop_map(|words| format!("[{words}] ({words})")),
        ];
        (words(), proptest::collection::vec(span, 0..4))
            .prop_map(|(first, rest)| [vec![first], rest].concat().join(" "))
    }

    fn list() -> impl Strategy<Value = String> {
        let item = (prop_oneof![Just(""), Just("[ ] "), Just("[x] ")], line(), proptest::collection::vec(line(), 0..3));
        (prop_oneof![Just(None), (1_usize..20).prop_map(Some)], any::<bool>(), proptest::collection::vec(item, 1..4))
            .prop_map(|(first, is_numbered_within, items)| {
                let mark =
                    |number: usize| first.map_or_else(|| "- ".to_owned(), |first| format!("{}. ", first + number));
                let mut text = String::new();
                for (number, (tick, words, below)) in items.into_iter().enumerate() {
                    let mark = mark(number);
                    text += &format!("{mark}{tick}{words}\n");
                    for (within, words) in below.into_iter().enumerate() {
                        let inner = if is_numbered_within { format!("{}.", within + 1) } else { "*".to_owned() };
                        text += &format!("{}{inner} {words}\n", " ".repeat(mark.len()));
                    }
                }
                // What comes after a list is no part of it.
                text + "\nend\n"
            })
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_others_read(blocks in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(line(), 1..4).prop_map(|lines| lines.join("\n") + "\n"),
                line().prop_map(|line| format!("## {line}\n")),
                proptest::collection::vec(line(), 0..3).prop_map(|lines| format!("```\n{}\n```\n", lines.join("\n"))),
                list(),
            ],
            0..6,
        )) {
            let text = blocks.join("\n");
            prop_assert_eq!(read(&text), oracle(&text), "{}", text);
        }

        #[test]
        fn any_text_is_read(text in "(\\PC|[*`\\[\\]()#\\-\n ]|https://a|- \\[x\\] |  1\\. ){0,60}") {
            fn follow(spans: &[Span], depth: usize) -> usize {
                assert!(depth <= MAX_DEPTH + 1);
                let length = |span: &Span| match span {
                    Span::Text(text) | Span::Code(text) => text.len(),
                    Span::Break => 1,
                    Span::Strong(inner) | Span::Stressed(inner) => follow(inner, depth + 1),
                    Span::Link(url, inner) => {
                        assert!(scheme(url).is_some() && !url.contains(char::is_whitespace), "{url}");
                        follow(inner, depth + 1)
                    }
                };
                spans.iter().map(length).sum()
            }
            fn items(list: &List, depth: usize) -> usize {
                assert!(depth <= 2);
                let length = |item: &Item| follow(&item.text, 0) + item.below.iter().map(|list| items(list, depth + 1)).sum::<usize>();
                list.items.iter().map(length).sum()
            }
            let length = |block: &Block| match block {
                Block::Paragraph(spans) | Block::Heading(spans) => follow(spans, 0),
                Block::Code(code) => code.len(),
                Block::List(list) => items(list, 1),
            };
            prop_assert!(parse(&text).iter().map(length).sum::<usize>() <= text.len());
        }
    }
}
