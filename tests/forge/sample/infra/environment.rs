//! An environment that is deleted and made anew under a title that says "move".

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, swap, viewer};
use crate::forge::world::{NewChange, World};

const KIRO: &str = "kiro-agent[bot] <245459735+kiro-agent[bot]@users.noreply.github.com>";

const PROD_EU: &str = r#"terraform {
  required_version = ">= 1.9"

  backend "s3" {
    bucket = "acme-terraform-state"
    key    = "prod-eu/terraform.tfstate"
    region = "eu-central-1"
  }
}

provider "aws" {
  region = "eu-central-1"
}

module "network" {
  source = "../../modules/vpc-v1"

  name       = "prod-eu"
  cidr_block = "10.40.0.0/16"
}

resource "aws_db_subnet_group" "ledger" {
  name       = "prod-eu-ledger"
  subnet_ids = module.network.private_subnet_ids
}

resource "aws_db_instance" "ledger" {
  identifier        = "prod-eu-ledger"
  engine            = "postgres"
  engine_version    = "16.4"
  instance_class    = "db.r6g.2xlarge"
  allocated_storage = 800
  storage_encrypted = true

  db_subnet_group_name   = aws_db_subnet_group.ledger.name
  vpc_security_group_ids = [aws_security_group.ledger.id]

  multi_az                  = true
  backup_retention_period   = 35
  deletion_protection       = true
  skip_final_snapshot       = false
  final_snapshot_identifier = "prod-eu-ledger-final"

  lifecycle {
    prevent_destroy = true
  }

  tags = {
    environment = "prod-eu"
    component   = "ledger"
  }
}

resource "aws_security_group" "ledger" {
  name   = "prod-eu-ledger"
  vpc_id = module.network.vpc_id

  ingress {
    description = "payments services"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = module.network.private_cidr_blocks
  }
}

resource "aws_s3_bucket" "statements" {
  bucket = "acme-prod-eu-statements"

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "statements" {
  bucket = aws_s3_bucket.statements.id

  versioning_configuration {
    status = "Enabled"
  }
}
"#;

const PROD_EU_AFTER: &str = r#"terraform {
  required_version = ">= 1.9"

  backend "s3" {
    bucket = "acme-terraform-state"
    key    = "prod-eu/terraform.tfstate"
    region = "eu-central-1"
  }
}

provider "aws" {
  region = "eu-central-1"
}

module "network" {
  source = "../../modules/vpc-v2"

  name       = "prod-eu"
  cidr_block = "10.44.0.0/16"
}

module "environment" {
  source = "../../modules/environment"

  name               = "prod-eu"
  vpc_id             = module.network.vpc_id
  private_subnet_ids = module.network.private_subnet_ids
  private_cidrs      = module.network.private_cidr_blocks
  instance_class     = "db.r6g.2xlarge"
  allocated_storage  = 800
}
"#;

const OUTPUTS: &str = r#"output "ledger_endpoint" {
  description = "Where the payments services reach the ledger."
  value       = aws_db_instance.ledger.endpoint
}

output "statements_bucket" {
  value = aws_s3_bucket.statements.bucket
}

output "vpc_id" {
  value = module.network.vpc_id
}
"#;

const VPC: &str = r#"variable "name" {
  type = string
}

variable "cidr_block" {
  type = string
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr_block
  enable_dns_hostnames = true

  tags = {
    Name = var.name
  }
}

resource "aws_subnet" "private" {
  count = 3

  vpc_id     = aws_vpc.this.id
  cidr_block = cidrsubnet(var.cidr_block, 4, count.index)
}

output "vpc_id" {
  value = aws_vpc.this.id
}

output "private_subnet_ids" {
  value = aws_subnet.private[*].id
}

output "private_cidr_blocks" {
  value = aws_subnet.private[*].cidr_block
}
"#;

const ENVIRONMENT: &str = r#"resource "aws_db_subnet_group" "ledger" {
  name       = "${var.name}-ledger-v2"
  subnet_ids = var.private_subnet_ids
}

resource "aws_db_instance" "ledger" {
  identifier        = "${var.name}-ledger-v2"
  engine            = "postgres"
  engine_version    = "16.4"
  instance_class    = var.instance_class
  allocated_storage = var.allocated_storage
  storage_encrypted = true

  db_subnet_group_name   = aws_db_subnet_group.ledger.name
  vpc_security_group_ids = [aws_security_group.ledger.id]

  multi_az                = true
  backup_retention_period = 7
  deletion_protection     = false
  skip_final_snapshot     = true
}

resource "aws_security_group" "ledger" {
  name   = "${var.name}-ledger-v2"
  vpc_id = var.vpc_id

  ingress {
    description = "payments services"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = var.private_cidrs
  }
}

resource "aws_s3_bucket" "statements" {
  bucket        = "acme-${var.name}-statements-v2"
  force_destroy = true
}
"#;

const ENVIRONMENT_VARIABLES: &str = r#"variable "name" {
  description = "Name of the environment, e.g. prod-eu."
  type        = string
}

variable "vpc_id" {
  type = string
}

variable "private_subnet_ids" {
  type = list(string)
}

variable "private_cidrs" {
  type = list(string)
}

variable "instance_class" {
  type = string
}

variable "allocated_storage" {
  type = number
}
"#;

const ENVIRONMENT_OUTPUTS: &str = r#"output "ledger_endpoint" {
  value = aws_db_instance.ledger.endpoint
}

output "statements_bucket" {
  value = aws_s3_bucket.statements.bucket
}
"#;

const RUNBOOK: &str = r"# prod-eu

| what | where |
|---|---|
| ledger database | `aws_db_instance.ledger` in `main.tf` |
| statements | `aws_s3_bucket.statements` in `main.tf` |

## Before an apply
1. Take a snapshot of the ledger and restore it once.
2. Read the plan to its end. Nothing stateful may be replaced.
";

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![
        Edit::write("envs/prod-eu/main.tf", PROD_EU),
        Edit::write("envs/prod-eu/outputs.tf", OUTPUTS),
        Edit::write("envs/prod-eu/README.md", RUNBOOK),
        Edit::write(
            "envs/staging/main.tf",
            &PROD_EU.replace("prod-eu", "staging").replace("10.40", "10.80"),
        ),
        Edit::write("modules/vpc-v1/main.tf", VPC),
        Edit::write("modules/vpc-v2/main.tf", &VPC.replace("count = 3", "count = 4")),
    ]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(recreated()?)?;
    world.check(REPO, 482, "fmt", Some("success"))?;
    world.check(REPO, 482, "validate", Some("success"))?;
    world.check(REPO, 482, "tflint", Some("success"))?;
    world.check(REPO, 482, "cost", Some("success"))?;
    world.check(REPO, 482, "plan (prod-eu)", Some("skipped"))
}

fn recreated() -> Result<NewChange> {
    let trailer = "Co-authored-by: Kiro <noreply@kiro.dev>";
    let mut new = change(
        REPO,
        482,
        "Move prod-eu to the new network module",
        "kiro-agent[bot]",
        "kiro/prod-eu-network",
        26,
    );
    new.body = "Moves prod-eu onto `vpc-v2` and the shared `environment` module, so that all environments are built the \
                same way.\n\n- [x] `terraform validate`\n- [x] formatting\n\nNo functional change is expected.\n"
        .to_owned();
    new.labels = vec!["infrastructure".into()];
    new.assignees = vec!["mika".into()];
    new.asked = viewer();
    let outputs = swap(
        OUTPUTS,
        &[
            (
                "aws_db_instance.ledger.endpoint",
                "module.environment.ledger_endpoint",
            ),
            (
                "aws_s3_bucket.statements.bucket",
                "module.environment.statements_bucket",
            ),
        ],
    )?;
    let runbook = swap(
        RUNBOOK,
        &[
            ("`aws_db_instance.ledger` in `main.tf`", "`modules/environment`"),
            ("`aws_s3_bucket.statements` in `main.tf`", "`modules/environment`"),
            (
                "1. Take a snapshot of the ledger and restore it once.\n2. Read",
                "1. Read",
            ),
            (" Nothing stateful may be replaced.", ""),
        ],
    )?;
    new.commits = vec![
        commit(
            &format!(
                "Add the shared environment module\n\nIt holds what every environment needs.\n\n{trailer}"
            ),
            KIRO,
            41,
            vec![
                Edit::write("modules/environment/main.tf", ENVIRONMENT),
                Edit::write("modules/environment/variables.tf", ENVIRONMENT_VARIABLES),
                Edit::write("modules/environment/outputs.tf", ENVIRONMENT_OUTPUTS),
            ],
        ),
        commit(
            &format!("Use the new modules in prod-eu\n\n{trailer}"),
            KIRO,
            33,
            vec![
                Edit::write("envs/prod-eu/main.tf", PROD_EU_AFTER),
                Edit::write("envs/prod-eu/outputs.tf", &outputs),
            ],
        ),
        commit(
            &format!("Update the runbook\n\n{trailer}"),
            KIRO,
            28,
            vec![Edit::write("envs/prod-eu/README.md", &runbook)],
        ),
    ];
    Ok(new)
}
