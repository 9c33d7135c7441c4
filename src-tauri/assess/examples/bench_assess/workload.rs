//! Diffs as people make them, from words that are drawn: the same at every run.

/// Names, lines and the way of naming a file; `$` is a drawn word, `#` a number.
struct Kind {
    name: &'static str,
    path: (&'static str, &'static str),
    lines: &'static [&'static str],
}

const WORDS: &[&str] = &[
    "account", "amount", "batch", "billing", "buffer", "cache", "charge", "client", "cluster", "config",
    "consumer", "customer", "delivery", "entry", "event", "gateway", "handler", "invoice", "item", "job",
    "ledger", "limit", "message", "metric", "network", "offset", "order", "owner", "payment", "queue",
    "record", "region", "report", "request", "response", "retry", "schedule", "secret", "service", "session",
    "shard", "state", "stream", "subnet", "tenant", "timeout", "token", "topic", "user", "value", "version",
    "window", "worker", "zone",
];

const KINDS: &[Kind] = &[
    Kind {
        name: "terraform",
        path: ("infra/envs/$/$", ".tf"),
        lines: &[
            "resource \"aws_instance\" \"$_$\" {",
            "  ami           = data.aws_ami.$.id",
            "  instance_type = \"m5.large\"",
            "  subnet_id     = module.$.private_subnets[#]",
            "  tags = {",
            "    Name = \"$-$\"",
            "  }",
            "}",
            "",
            "  description = \"The $ of the $\"",
            "  count = #",
            "# $ needs the $",
            "  vpc_id = var.$_id",
            "  ingress {",
            "    from_port = #",
            "    cidr_blocks = [\"10.#.0.0/16\"]",
        ],
    },
    Kind {
        name: "rust",
        path: ("crates/$/src/$", ".rs"),
        lines: &[
            "pub fn $_$(&self, $: &str) -> Result<$, Error> {",
            "    let $ = self.$.get($)?;",
            "    // The $ is checked above.",
            "    if $.len() > # {",
            "        return Err(Error::$($.to_owned()));",
            "    }",
            "    Ok($)",
            "}",
            "",
            "#[derive(Debug, Clone)]",
            "    $: Vec<$>,",
            "    assert_eq!($.$(), #);",
            "use crate::$::$;",
        ],
    },
    Kind {
        name: "typescript",
        path: ("web/src/$/$", ".ts"),
        lines: &[
            "export async function $($: string): Promise<$> {",
            "  const $ = await this.$.find({ $: # });",
            "  if (!$) throw new Error(`no $ for ${$}`);",
            "  return $.map(($) => $.$);",
            "}",
            "",
            "  // a $ of the $",
            "import { $ } from '../$/$';",
            "  expect($.$).toBe(#);",
            "  console.log('$', $);",
        ],
    },
    Kind {
        name: "migration",
        path: ("db/migrations/2026#_$_$", ".sql"),
        lines: &[
            "CREATE TABLE $_$ (",
            "    id bigint PRIMARY KEY,",
            "    $ text NOT NULL,",
            ");",
            "",
            "CREATE INDEX CONCURRENTLY idx_$ ON $ ($);",
            "ALTER TABLE $ ADD COLUMN $ integer;",
            "-- $ of the $",
            "UPDATE $ SET $ = # WHERE $ IS NULL;",
            "INSERT INTO $ ($) VALUES (#);",
        ],
    },
    Kind {
        name: "workflow",
        path: (".github/workflows/$-$", ".yml"),
        lines: &[
            "    runs-on: ubuntu-latest",
            "    steps:",
            "      - uses: actions/checkout@v4",
            "      - name: $ the $",
            "        run: make $",
            "        env:",
            "          $: $",
            "  $:",
            "    needs: [$, $]",
            "        with:",
            "      - run: ./scripts/$.sh --$ #",
        ],
    },
    Kind {
        name: "python",
        path: ("services/$/$", ".py"),
        lines: &[
            "def $_$(self, $, $=None):",
            "    \"\"\"Gives the $ of a $.\"\"\"",
            "    $ = self.$.get($, #)",
            "    if not $:",
            "        raise ValueError(f\"no $: {$}\")",
            "    return [$ for $ in $ if $.$ > #]",
            "",
            "import $",
            "    # the $ comes first",
            "    logger.info(\"$ %s\", $)",
        ],
    },
    Kind {
        name: "manifests",
        path: ("deploy/$/$", ".yaml"),
        lines: &[
            "apiVersion: apps/v1",
            "kind: Deployment",
            "  name: $-$",
            "      containers:",
            "        - name: $",
            "          image: registry.example.com/$:#.#",
            "          resources:",
            "              memory: #Mi",
            "  replicas: #",
            "          env:",
            "            - name: $",
            "              value: \"$\"",
            "---",
        ],
    },
    Kind {
        name: "go",
        path: ("pkg/$/$", ".go"),
        lines: &[
            "func (s *$) $(ctx context.Context, $ string) (*$, error) {",
            "\t$, err := s.$.Get(ctx, $)",
            "\tif err != nil {",
            "\t\treturn nil, fmt.Errorf(\"$: %w\", err)",
            "\t}",
            "\treturn $, nil",
            "}",
            "",
            "\t// $ of the $",
            "\tlog.Info(\"$\", \"$\", #)",
        ],
    },
    Kind {
        name: "prose",
        path: ("docs/$/$", ".md"),
        lines: &[
            "## The $ and its $",
            "",
            "The $ keeps a $ for each $; see [$](../$/$.md).",
            "- `$` is the $ of the $",
            "```",
            "$ --$ #",
            "> Note that the $ is not the $.",
            "A $ that has no $ waits for the $ of its $, # at most.",
        ],
    },
    Kind {
        name: "package",
        path: ("web/$/$", ".json"),
        lines: &[
            "  \"dependencies\": {",
            "    \"$-$\": \"^#.#.0\",",
            "    \"@$/$\": \"~#.#.1\"",
            "  },",
            "  \"scripts\": {",
            "    \"$\": \"node $.js\",",
            "  \"$\": [",
            "    \"$\",",
            "  ],",
            "    \"$\": { \"$\": # },",
        ],
    },
];

/// A sequence of numbers that is the same everywhere.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    fn fill(&mut self, template: &str, out: &mut String) {
        for letter in template.chars() {
            match letter {
                '$' => out.push_str(WORDS[self.below(WORDS.len())]),
                '#' => out.push_str(&self.below(240).to_string()),
                other => out.push(other),
            }
        }
    }
}

/// A diff of so many files and at least so many lines.
pub(crate) fn diff(files: usize, lines: usize) -> String {
    let mut drawn = Drawn(0x9e37_79b9_7f4a_7c15);
    let (mut out, mut written) = (String::new(), 0);
    for file in 0..files {
        let until = lines * (file + 1) / files;
        written += write(
            &mut drawn,
            &KINDS[file % KINDS.len()],
            file,
            until.saturating_sub(written),
            &mut out,
        );
    }
    out
}

/// So many changes of one to twelve files, each with a name.
pub(crate) fn typical(count: usize) -> Vec<(String, String)> {
    let mut drawn = Drawn(0x2545_f491_4f6c_dd1d);
    let mut changes = Vec::new();
    for number in 0..count {
        let (mut out, mut lines, mut names) = (String::new(), 0, Vec::new());
        // Most changes are small and a few are not.
        let files = 1 + drawn.below(12) * drawn.below(12) / 12;
        for file in 0..files {
            let kind = &KINDS[drawn.below(KINDS.len())];
            let most = 14 + drawn.below(20) * drawn.below(20);
            lines += write(&mut drawn, kind, file, most, &mut out);
            if !names.contains(&kind.name) {
                names.push(kind.name);
            }
        }
        changes.push((
            format!(
                "{} ({files} files, {lines} lines, number {number})",
                names.join(", ")
            ),
            out,
        ));
    }
    changes
}

/// Writes one file with hunks of at most forty lines; how many lines of the diff that makes.
fn write(drawn: &mut Drawn, kind: &Kind, number: usize, lines: usize, out: &mut String) -> usize {
    let mut path = String::new();
    drawn.fill(kind.path.0, &mut path);
    path.push_str(&format!("{number}{}", kind.path.1));
    let header =
        format!("diff --git a/{path} b/{path}\nindex 1111111..2222222 100644\n--- a/{path}\n+++ b/{path}\n");
    out.push_str(&header);
    let (mut written, mut old, mut new) = (4, 1, 1);
    while written + 2 < lines.max(8) {
        let most = (lines.max(8) - written - 1).min(12 + drawn.below(28));
        let (mut body, mut counts) = (String::new(), [0, 0]);
        let at = drawn.below(kind.lines.len());
        for line in 0..most {
            let sign = match drawn.below(10) {
                _ if line < 3.min(most - 1) => ' ',
                0..4 => ' ',
                4..8 => '+',
                _ => '-',
            };
            counts[0] += usize::from(sign != '+');
            counts[1] += usize::from(sign != '-');
            body.push(sign);
            drawn.fill(kind.lines[(at + line) % kind.lines.len()], &mut body);
            body.push('\n');
        }
        out.push_str(&format!(
            "@@ -{old},{} +{new},{} @@\n{body}",
            counts[0], counts[1]
        ));
        old += counts[0] + 20;
        new += counts[1] + 20;
        written += most + 1;
    }
    written
}
