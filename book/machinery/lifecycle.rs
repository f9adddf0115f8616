//! The one lifecycle picture, with what exists in a stage lit up.

use std::fs;

use regex::{Captures, Regex};

use crate::project::Project;

/// What exists in a stage: identifiers in the drawing.
struct Stage {
    name: &'static str,
    new: &'static str,
    old: &'static str,
    caption: &'static str,
}

/// The story of the book in eight pictures.
const STAGES: [Stage; 8] = [
    Stage {
        name: "blocking",
        new: "program kernel a-block",
        old: "",
        caption: "The program asks the kernel and sleeps until it answers.",
    },
    Stage {
        name: "threads",
        new: "program kernel a-block",
        old: "",
        caption: "Many programs, one for each wait: the kernel keeps them all.",
    },
    Stage {
        name: "busy",
        new: "a-busy",
        old: "program kernel",
        caption: "The program asks the kernel again and again, and never sleeps.",
    },
    Stage {
        name: "select",
        new: "selector a-register a-ask a-ready",
        old: "program kernel",
        caption: "One question for all sockets: the selector sleeps, and tells \
            which are ready.",
    },
    Stage {
        name: "callbacks",
        new: "loop callback a-select a-report a-call a-direct",
        old: "program selector kernel a-register a-ask a-ready",
        caption: "The loop calls the callback that is registered for what is \
            ready.",
    },
    Stage {
        name: "generators",
        new: "task future a-set a-wake a-step",
        old: "program callback loop selector kernel a-register a-select \
            a-ask a-ready a-report a-call",
        caption: "The callback sets a future, the future wakes its task, and the \
            task resumes the program.",
    },
    Stage {
        name: "delegation",
        new: "program a-step",
        old: "task future callback loop selector kernel a-register a-select \
            a-ask a-ready a-report a-call a-set a-wake",
        caption: "The program is a chain of generators: the task resumes the \
            innermost one.",
    },
    Stage {
        name: "async",
        new: "program task future a-wake a-step",
        old: "callback loop selector kernel a-register a-select a-ask \
            a-ready a-report a-call a-set",
        caption: "The compiler writes the state machine, and a waker wakes its \
            task.",
    },
];

/// The picture for `STAGE [CAPTION]` as HTML. `number` tells this picture
/// from the others of the book, which may stand on the same page in print.
pub fn draw(
    project: &Project,
    argument: &str,
    number: usize,
) -> Result<String, String> {
    let (name, caption) = argument.split_once(' ').unwrap_or((argument, ""));
    let stage = STAGES.iter().find(|stage| stage.name == name);
    let stage = stage.ok_or_else(|| format!("there is no stage `{name}`"))?;
    let caption = match caption.trim() {
        "" => stage.caption,
        caption => caption,
    };
    let file = project.src().join("pictures/lifecycle.svg");
    let svg = fs::read_to_string(&file)
        .map_err(|error| format!("{}: {error}", project.shown(&file)))?;
    let id = format!("lifecycle-{number}");
    let svg = stage.light(&svg, &id)?;
    Ok(format!(
        "<figure class=\"picture\">\n{svg}\n\
         <figcaption>{caption}</figcaption>\n</figure>\n"
    ))
}

impl Stage {
    /// How an identifier of the drawing looks in this stage.
    fn state(&self, part: &str) -> &'static str {
        let is_in = |parts: &str| parts.split(' ').any(|name| name == part);
        match (is_in(self.new), is_in(self.old)) {
            (true, _) => "new",
            (_, true) => "lit",
            _ => "faint",
        }
    }

    /// The drawing with its parts marked, with a title and a description of
    /// this stage, and with `id` before each of its identifiers.
    fn light(&self, svg: &str, id: &str) -> Result<String, String> {
        let regex = |pattern: &str| Regex::new(pattern).expect("a good regex");
        let noise = r"<\?.*?\?>|<!.*?>|<title.*?</title>|<desc.*?</desc>";
        let labels = regex(r#"\s(class|role|aria-\w+|id)="[^"]*""#);
        let ids = regex(r##"\bid="([^"]+)"|(href="#|url\(#)([^")]+)"##);
        let opening = regex(r"<svg\b([^>]*)>");

        let svg = regex(&format!("(?s){noise}")).replace_all(svg, "");
        let all =
            self.new.split_whitespace().chain(self.old.split_whitespace());
        for part in all {
            if !svg.contains(&format!("id=\"{part}\"")) {
                return Err(format!("lifecycle.svg has no `{part}`"));
            }
        }
        let svg =
            ids.replace_all(&svg, |found: &Captures<'_>| match found.get(1) {
                Some(part) => {
                    let (part, state) = (part.as_str(), self.state(&found[1]));
                    format!("id=\"{id}-{part}\" data-state=\"{state}\"")
                }
                None => format!("{}{id}-{}", &found[2], &found[3]),
            });
        let root =
            opening.captures(&svg).ok_or("lifecycle.svg has no <svg>")?;
        let attributes = labels.replace_all(&root[1], "");
        let boxes = |parts: &str| {
            let boxes = parts.split(' ').filter(|name| !name.starts_with("a-"));
            boxes.collect::<Vec<_>>().join(", ")
        };
        let name = self.name;
        let list = [self.new, self.old].map(boxes).join(", ");
        let list = list.trim_matches([',', ' ']);
        let root = format!(
            "<svg{attributes} class=\"lifecycle stage-{name}\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-desc\">\n\
             <title id=\"{id}-title\">Who waits for what: {name}</title>\n\
             <desc id=\"{id}-desc\">Lit up: {list}. {}</desc>",
            self.caption
        );
        let svg = opening.replace(&svg, regex::NoExpand(&root));
        // An empty line would end the HTML in the Markdown.
        let lines = svg.lines().filter(|line| !line.trim().is_empty());
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }
}
