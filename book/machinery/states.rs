//! Draws a state machine from the table in its doc comment, so that picture
//! and code cannot differ:
//!
//! ```text
//! /// | state | is sent | goes on to |
//! /// |---|---|---|
//! /// | `Start` | nothing | `Reading`; done |
//! /// | `Reading` | `Ready` | `Reading`; done |
//! /// | any but `Start` | `TimedOut` | done |
//! enum State {
//! ```
//!
//! Each variant but `Done` must have a row, each state in the table must be a
//! variant, and `any` leads to nothing but the end.

use std::fmt::Write;
use std::sync::LazyLock;

use regex::Regex;

use crate::source_page::escape;

/// The picture of the table and the `enum` in `text`, as HTML. `number` tells
/// this picture from the others of the book.
pub fn draw(text: &str, number: usize) -> Result<String, String> {
    Ok(Machine::parse(text)?.svg(&format!("states-{number}")))
}

/// What a table says.
#[derive(Debug, PartialEq)]
struct Machine {
    states: Vec<String>,
    steps: Vec<Step>,
    /// What leads from many states to the end.
    any: Option<Any>,
    /// The rows of the table as sentences.
    sentences: Vec<String>,
}

/// What a state goes on to when something is sent.
#[derive(Debug, PartialEq)]
struct Step {
    from: usize,
    label: String,
    to: Vec<usize>,
    done: bool,
}

#[derive(Debug, PartialEq)]
struct Any {
    from: Vec<usize>,
    label: String,
}

impl Machine {
    fn parse(text: &str) -> Result<Machine, String> {
        let variants = variants(text)?;
        let table = table(text)?;
        let ([_, is_sent, goes_on], rows) = (table[0], &table[1..]);
        let is_any = |from: &str| from.starts_with("any");

        let mut states: Vec<String> = Vec::new();
        for [from, ..] in rows.iter().filter(|[from, ..]| !is_any(from)) {
            for state in names(from) {
                if !variants.contains(&state) {
                    return Err(format!("`{state}` is no variant"));
                }
                if !states.contains(&state) {
                    states.push(state);
                }
            }
        }
        let places = |cell: &str| -> Result<Vec<usize>, String> {
            let place = |name: String| {
                let place = states.iter().position(|state| *state == name);
                place.ok_or_else(|| format!("`{name}` has no row in the table"))
            };
            names(cell).into_iter().map(place).collect()
        };
        for variant in variants.iter().filter(|name| *name != "Done") {
            places(&format!("`{variant}`"))?;
        }

        let (mut steps, mut any) = (Vec::new(), None);
        for [from, sent, to] in rows {
            let (named, targets) = (places(from)?, places(to)?);
            let done = without_names(to).contains("done");
            if is_any(from) {
                if any.is_some() || !targets.is_empty() || !done {
                    let text = "expected one row with `any`, and that is done";
                    return Err(text.to_string());
                }
                let others = (0..states.len()).filter(|i| !named.contains(i));
                let label = plain(&format!("{from} {is_sent} {sent}"));
                any = Some(Any { from: others.collect(), label });
                continue;
            }
            if named.is_empty() || targets.is_empty() && !done {
                return Err(format!("expected states: {from} | {to}"));
            }
            for from in named {
                let label = plain(&format!("{is_sent} {sent}"));
                steps.push(Step { from, label, to: targets.clone(), done });
            }
        }
        let sentence = |[from, sent, to]: &[&str; 3]| {
            plain(&format!("{from} {is_sent} {sent}, {goes_on} {to}."))
        };
        let sentences = rows.iter().map(sentence).collect();
        Ok(Machine { states, steps, any, sentences })
    }

    fn steps(&self, state: usize) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(move |step| step.from == state)
    }
}

/// The variants of the `enum`: what stands one step of indentation in it.
fn variants(text: &str) -> Result<Vec<String>, String> {
    static ENUM: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^ *(pub\S* )?enum ").expect("a good regex")
    });
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| !ENUM.is_match(line));
    let first = indent(lines.next().ok_or("there is no `enum`")?);
    let is_inside =
        |line: &&str| line.trim().is_empty() || indent(line) > first;
    let variants = lines
        .take_while(is_inside)
        .filter(|line| indent(line) == first + 4)
        .filter_map(|line| line.trim().split(['(', '{', ',', ' ']).next())
        .filter(|word| word.starts_with(char::is_uppercase));
    Ok(variants.map(str::to_string).collect())
}

/// The rows of the table in the doc comments: the head, then the others.
fn table(text: &str) -> Result<Vec<[&str; 3]>, String> {
    let mut rows = Vec::new();
    for line in text.lines() {
        let row = line.trim().strip_prefix("///").map(str::trim);
        let row = row.and_then(|row| row.strip_prefix('|')?.strip_suffix('|'));
        let Some(row) = row else { continue };
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let cells = cells.try_into();
        rows.push(cells.map_err(|_| format!("not three cells: {row}"))?);
    }
    if rows.len() < 3 {
        return Err("there is no table in a doc comment".to_string());
    }
    rows.remove(1); // a line
    Ok(rows)
}

/// What stands in backticks.
fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_string).collect()
}

/// What stands outside of backticks.
fn without_names(cell: &str) -> String {
    cell.split('`').step_by(2).collect()
}

/// A text as HTML, without backticks.
fn plain(text: &str) -> String {
    escape(&text.replace('`', ""))
}

/// Heights in pixels: of a box without its lines, of a line, and between two
/// boxes.
const HEAD: i32 = 36;
const LINE: i32 = 18;
const GAP: i32 = 36;

/// The states stand in a column. What skips a state passes on the right; what
/// goes back or stays, on the left. The way to the end is farther out on the
/// right; that from `any` state is on the left, and dashed.
struct Layout {
    /// The top and the height of each box.
    boxes: Vec<(i32, i32)>,
    left: i32,
    right: i32,
    /// Where the way to the end runs.
    done: i32,
    /// Where that from `any` state runs.
    any: i32,
    /// How high the end stands.
    end: i32,
}

impl Layout {
    fn new(machine: &Machine) -> Layout {
        let mut boxes = Vec::new();
        let mut top = 10;
        for state in 0..machine.states.len() {
            let height = HEAD + LINE * machine.steps(state).count() as i32;
            boxes.push((top, height));
            top += height + GAP;
        }
        let names = machine.states.iter().map(|name| 10 * name.len());
        let labels = machine.steps.iter().map(|step| 7 * step.label.len());
        let width = 40 + names.chain(labels).max().unwrap_or(0) as i32;

        let spans: Vec<i32> = machine
            .steps
            .iter()
            .flat_map(|step| step.to.iter().map(|to| span(step.from, *to)))
            .collect();
        let room = |is_there: fn(&i32) -> bool| {
            let spans = spans.iter().copied().filter(is_there);
            spans.map(bulge).max().unwrap_or(0)
        };
        let any = 10;
        let left = any + 20 + room(|span| *span < 1);
        let right = left + width;
        let done = right + 20 + room(|span| *span > 0);
        Layout { boxes, left, right, done, any, end: top + 24 }
    }

    fn middle(&self) -> i32 {
        (self.left + self.right) / 2
    }

    /// The way from a state's line to another state.
    fn path(&self, from: usize, line: i32, to: usize, is_only: bool) -> String {
        let (top, height) = self.boxes[from];
        let span = span(from, to);
        let (to_top, to_height) = self.boxes[to];
        let y = top + HEAD + LINE * line - 3;
        // A way back leaves the room beside the boxes to those who stay.
        let (y, to_y) = match span {
            ..0 => (top + 8, to_top + to_height - 8),
            0 => (y, to_top + 17),
            1.. => (y, to_top + 10),
        };
        if span == 1 && is_only {
            let (bottom, next) = (top + height, to_top - 1);
            return format!("M{} {bottom} V{next}", self.middle());
        }
        // A curve reaches three quarters as far as what it bends towards.
        let (x, far, end) = if span > 0 {
            (self.right, self.right + bulge(span) * 4 / 3, self.right + 1)
        } else {
            (self.left, self.left - bulge(span) * 4 / 3, self.left - 1)
        };
        format!("M{x} {y} C{far} {y} {far} {to_y} {end} {to_y}")
    }

    /// From each of these heights at `x` out to `out`, and from there to the
    /// end as one.
    fn way_out(&self, heights: &[i32], x: i32, out: i32) -> String {
        let Some(first) = heights.first() else { return String::new() };
        let mut path = String::new();
        for y in heights {
            let _ = write!(path, "M{x} {y} H{out} ");
        }
        let to = self.middle() + if out > x { 13 } else { -13 };
        path + &format!("M{out} {first} V{} H{to}", self.end)
    }
}

/// How many boxes an arrow goes down.
fn span(from: usize, to: usize) -> i32 {
    to as i32 - from as i32
}

/// How far an arrow goes to the side.
fn bulge(span: i32) -> i32 {
    if span == 0 { 22 } else { 26 + 14 * span.abs() }
}

impl Machine {
    fn svg(&self, id: &str) -> String {
        let layout = Layout::new(self);
        let (mut boxes, mut arrows) = (String::new(), String::new());
        let mut to_end = Vec::new();
        let x = layout.middle();
        for (state, name) in self.states.iter().enumerate() {
            let (top, height) = layout.boxes[state];
            let (left, width) = (layout.left, layout.right - layout.left);
            let name_y = top + 23;
            let _ = write!(
                boxes,
                "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" \
                 height=\"{height}\" rx=\"8\"/>\n\
                 <text class=\"name\" x=\"{x}\" y=\"{name_y}\">{name}</text>\n",
            );
            let is_only = self.steps(state).count() == 1;
            for (line, step) in (0..).zip(self.steps(state)) {
                let y = top + HEAD + LINE * line;
                let (label, label_y) = (&step.label, y + 6);
                boxes += &format!(
                    "<text class=\"what\" x=\"{x}\" y=\"{label_y}\">{label}\
                     </text>\n",
                );
                for to in &step.to {
                    let path = layout.path(state, line, *to, is_only);
                    let _ = writeln!(arrows, "<path d=\"{path}\"/>");
                }
                if step.done {
                    to_end.push(y + 5);
                }
            }
        }
        let done = layout.way_out(&to_end, layout.right, layout.done);
        let any_from = self.any.iter().flat_map(|any| &any.from);
        let any_from = any_from.map(|state| {
            let (top, height) = layout.boxes[*state];
            top + height - 8
        });
        let any = layout.way_out(
            &any_from.collect::<Vec<_>>(),
            layout.left,
            layout.any,
        );
        let label = self.any.as_ref().map_or("", |any| &any.label);
        let (label_x, label_y) = (layout.any + 8, layout.end - 18);
        let width = layout.done.max(label_x + 7 * label.len() as i32) + 10;
        let (end, height) = (layout.end, layout.end + 38);
        let end = match (done.as_str(), any.as_str()) {
            ("", "") => String::new(),
            _ => format!(
                "<circle cx=\"{x}\" cy=\"{end}\" r=\"11\"/>\n\
                 <circle class=\"dot\" cx=\"{x}\" cy=\"{end}\" r=\"6\"/>\n\
                 <text x=\"{x}\" y=\"{}\">done</text>\n",
                end + 28
            ),
        };
        let sentences = self.sentences.join(" ");
        let arrow = format!("class=\"arrow\" marker-end=\"url(#{id}-head)\"");
        format!(
            "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             class=\"states\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-desc\">\n\
             <title id=\"{id}-title\">States and what they go on to</title>\n\
             <desc id=\"{id}-desc\">{sentences}</desc>\n\
             <defs>\n\
             <marker id=\"{id}-head\" viewBox=\"0 0 10 10\" refX=\"9\" \
             refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\n\
             <path d=\"M0 0 L10 5 L0 10 z\"/>\n</marker>\n</defs>\n\
             <g {arrow}>\n<path d=\"{done}\"/>\n</g>\n\
             <g {arrow}>\n<path class=\"any\" d=\"{any}\"/>\n</g>\n\
             <g {arrow} data-state=\"lit\">\n{arrows}</g>\n\
             <g class=\"part\" data-state=\"lit\">\n{boxes}</g>\n\
             {end}<text x=\"{label_x}\" y=\"{label_y}\" text-anchor=\"start\">{label}\
             </text>\n</svg>"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "\
/// Where it stands.
///
/// | state | is sent | goes on to |
/// |---|---|---|
/// | `Start` | nothing | `Waiting`, `Reading` |
/// | `Waiting`, `Reading` | `Ready` | `Reading`; done |
/// | `Reading` | `A<B>` | `Start` |
/// | any but `Start` | `Late` | done |
#[derive(Debug)]
pub(crate) enum State {
    Start,
    /// Not `Other`.
    #[allow(unused)]
    Waiting {
        key: Key,
    },
    Reading(
        Vec<u8>,
    ),
    Done,
}
";

    #[track_caller]
    fn fails(from: &str, to: &str, error: &str) {
        assert!(MACHINE.contains(from), "no {from}");
        let text = MACHINE.replace(from, to);
        assert_eq!(Machine::parse(&text), Err(error.to_string()));
    }

    #[test]
    fn each_state_has_its_steps() {
        let machine = Machine::parse(MACHINE).unwrap();
        let step = |from, label: &str, to: &[usize], done| {
            let label = format!("is sent {label}");
            Step { from, label, to: to.to_vec(), done }
        };
        let expected = [
            step(0, "nothing", &[1, 2], false),
            step(1, "Ready", &[2], true),
            step(2, "Ready", &[2], true),
            step(2, "A&lt;B&gt;", &[0], false),
        ];
        assert_eq!(machine.states, ["Start", "Waiting", "Reading"]);
        assert_eq!(machine.steps, expected);
        let sentence = "Start is sent nothing, goes on to Waiting, Reading.";
        assert_eq!(machine.sentences[0], sentence);
    }

    #[test]
    fn any_means_all_that_are_not_named() {
        let any = |text: &str| Machine::parse(text).unwrap().any.unwrap();
        let but = any(MACHINE);
        assert_eq!(but.from, [1, 2]);
        assert_eq!(but.label, "any but Start is sent Late");
        assert_eq!(
            any(&MACHINE.replace("any but `Start`", "any")).from,
            [0, 1, 2]
        );
        let error = "expected one row with `any`, and that is done";
        fails("`Late` | done", "`Late` | `Reading`", error);
        let no_state = "`Begin` has no row in the table";
        fails("any but `Start`", "any but `Begin`", no_state);
    }

    #[test]
    fn table_and_variants_must_agree() {
        fails("    Start,", "    Begin,", "`Start` is no variant");
        fails("    Done", "    More", "`More` has no row in the table");
        let error = "`Sending` has no row in the table";
        fails("`Reading`; done", "`Sending`; done", error);
        let error = "expected states: nobody | `Start`";
        fails("| `Reading` | `A<B>`", "| nobody | `A<B>`", error);
    }

    #[test]
    fn a_table_has_rows_of_three_cells() {
        let error = "there is no table in a doc comment";
        fails("/// |", "// |", error);
        fails("enum", "struct", "there is no `enum`");
        let error = "not three cells:  any but `Start` | `Late` | done | x ";
        fails("done |\n#", "done | x |\n#", error);
        fails(
            "| `Start` |\n",
            "| none |\n",
            "expected states: `Reading` | none",
        );
    }

    #[test]
    fn the_picture_has_an_arrow_for_each_step() {
        let svg = draw(MACHINE, 3).unwrap();
        assert_eq!(svg.matches("<rect").count(), 3);
        // To other states, to the end, from any, and the arrowhead.
        assert_eq!(svg.matches("<path").count(), 5 + 1 + 1 + 1);
        for part in [
            "id=\"states-3-head\"",
            "<desc id=\"states-3-desc\">Start is sent nothing,",
            ">is sent A&lt;B&gt;</text>",
            ">any but Start is sent Late</text>",
            ">done</text>",
        ] {
            assert!(svg.contains(part), "no {part} in {svg}");
        }
        assert!(!svg.contains("\n\n"), "an empty line in {svg}");
    }

    #[test]
    fn what_has_no_end_shows_none() {
        let text = MACHINE.replace("; done", "");
        let text =
            text.replace("/// | any but `Start` | `Late` | done |\n", "");
        let svg = draw(&text, 1).unwrap();
        assert!(!svg.contains("done"), "an end in {svg}");
    }
}
