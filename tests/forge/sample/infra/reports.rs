//! A role that may do everything to every bucket, where it was to read one more.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, swap, team};
use crate::forge::world::{NewChange, World};

const ROLE: &str = r#"variable "environment" {
  description = "Name of the environment, e.g. prod-eu."
  type        = string
}

variable "reports_bucket_arn" {
  description = "Where finished reports are kept."
  type        = string
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "reports" {
  statement {
    sid       = "Reports"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${var.reports_bucket_arn}/*"]
  }

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [var.reports_bucket_arn]
  }
}

resource "aws_iam_role" "reports" {
  name               = "${var.environment}-reports"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "reports" {
  name   = "reports"
  role   = aws_iam_role.reports.id
  policy = data.aws_iam_policy_document.reports.json
}

output "role_arn" {
  value = aws_iam_role.reports.arn
}
"#;

const SCHEDULE: &str = r#"variable "schedule" {
  description = "When the reports are made."
  type        = string
  default     = "cron(0 4 * * ? *)"
}

resource "aws_cloudwatch_event_rule" "reports" {
  name                = "${var.environment}-reports"
  schedule_expression = var.schedule
}
"#;

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![
        Edit::write("modules/reports/role.tf", ROLE),
        Edit::write("modules/reports/schedule.tf", SCHEDULE),
    ]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(statements()?)?;
    world.check(REPO, 474, "fmt", Some("success"))?;
    world.check(REPO, 474, "validate", Some("success"))
}

fn statements() -> Result<NewChange> {
    let mut new = change(
        REPO,
        474,
        "Let the reports job read the statements",
        "tomas-r",
        "codex/reports-read-statements",
        415,
    );
    new.body = "The monthly report is to list the statements of the month. The job got AccessDenied for the bucket, so \
                its policy now covers it.\n\nTested in staging: the report is complete.\n"
        .to_owned();
    new.labels = vec!["infrastructure".into()];
    new.asked = team("platform");
    let role = swap(
        ROLE,
        &[
            (
                "    sid       = \"Reports\"\n    actions   = [\"s3:GetObject\", \"s3:PutObject\"]\n    resources = [\"${var.reports_bucket_arn}/*\"]\n",
                "    sid       = \"ReportsAndStatements\"\n    actions   = [\"s3:*\"]\n    resources = [\"*\"]\n",
            ),
            (
                "  statement {\n    sid       = \"List\"\n    actions   = [\"s3:ListBucket\"]\n    resources = [var.reports_bucket_arn]\n  }\n",
                "  statement {\n    sid       = \"Decrypt\"\n    actions   = [\"kms:Decrypt\"]\n    resources = [var.statements_key_arn]\n  }\n",
            ),
            (
                "data \"aws_iam_policy_document\" \"trust\"",
                "variable \"statements_key_arn\" {\n  description = \"The key that statements are encrypted with.\"\n  type        = string\n}\n\ndata \"aws_iam_policy_document\" \"trust\"",
            ),
        ],
    )?;
    new.commits = vec![
        commit(
            "Let the reports job read the statements",
            "tomas-r",
            440,
            vec![Edit::write("modules/reports/role.tf", &role)],
        ),
        commit(
            "Make the reports an hour later",
            "tomas-r",
            421,
            vec![Edit::write(
                "modules/reports/schedule.tf",
                &swap(SCHEDULE, &[("cron(0 4", "cron(0 5")])?,
            )],
        ),
    ];
    Ok(new)
}
