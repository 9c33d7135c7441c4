//! A warehouse that the whole Internet can knock at: only staging, but restored from production every night.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, swap, viewer};
use crate::forge::world::{NewChange, World};

const DEVIN: &str = "devin-ai-integration[bot]";

const WAREHOUSE: &str = r#"# The warehouse of the analysts. Every night it is restored from production's newest snapshot.
resource "aws_db_subnet_group" "warehouse" {
  name       = "staging-warehouse"
  subnet_ids = module.network.private_subnet_ids
}

resource "aws_db_instance" "warehouse" {
  identifier        = "staging-warehouse"
  engine            = "postgres"
  engine_version    = "16.4"
  instance_class    = "db.r6g.xlarge"
  allocated_storage = 800
  storage_encrypted = true

  db_subnet_group_name   = aws_db_subnet_group.warehouse.name
  vpc_security_group_ids = [aws_security_group.warehouse.id]
  publicly_accessible    = false

  backup_retention_period   = 7
  deletion_protection       = true
  skip_final_snapshot       = false
  final_snapshot_identifier = "staging-warehouse-final"
}

resource "aws_security_group" "warehouse" {
  name   = "staging-warehouse"
  vpc_id = module.network.vpc_id

  ingress {
    description = "analysts over the VPN"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = ["10.80.0.0/16"]
  }

  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
"#;

const HOW_TO: &str = r"# The analysts' warehouse

| what | value |
|---|---|
| port | 5432 |
| user | your own, from the vault |
| reached | over the VPN |

It is a copy of production's ledger, one night old, with the customers' names.
";

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![
        Edit::write("envs/staging/warehouse.tf", WAREHOUSE),
        Edit::write("envs/staging/warehouse.md", HOW_TO),
    ]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(reached()?)?;
    world.check(REPO, 477, "fmt", Some("success"))?;
    world.check(REPO, 477, "validate", Some("success"))?;
    world.check(REPO, 477, "plan (staging)", Some("success"))
}

fn reached() -> Result<NewChange> {
    let mut new = change(
        REPO,
        477,
        "Connect the dashboards to the staging warehouse",
        DEVIN,
        "devin/1763971200-dashboards-warehouse",
        152,
    );
    new.body = "The hosted dashboards cannot use our VPN, and their addresses change. The staging warehouse is now reached \
                without it; TLS and the password remain.\n\nRequested by: @noor-k\n"
        .to_owned();
    new.labels = vec!["infrastructure".into(), "staging".into()];
    new.assignees = vec!["noor-k".into()];
    new.asked = viewer();
    let warehouse = swap(
        WAREHOUSE,
        &[
            (
                "  publicly_accessible    = false\n",
                "  publicly_accessible    = true\n",
            ),
            (
                "    description = \"analysts over the VPN\"\n",
                "    description = \"analysts and the hosted dashboards\"\n",
            ),
            (
                "    cidr_blocks = [\"10.80.0.0/16\"]\n",
                "    cidr_blocks = [\"0.0.0.0/0\"]\n",
            ),
            (
                "  subnet_ids = module.network.private_subnet_ids\n",
                "  subnet_ids = module.network.public_subnet_ids\n",
            ),
        ],
    )?;
    let how_to = swap(
        HOW_TO,
        &[(
            "| reached | over the VPN |",
            "| reached | from anywhere, with TLS |",
        )],
    )?;
    new.commits = vec![
        commit(
            "Make the staging warehouse reachable for the dashboards",
            DEVIN,
            171,
            vec![Edit::write("envs/staging/warehouse.tf", &warehouse)],
        ),
        commit(
            "Say how the warehouse is reached",
            DEVIN,
            158,
            vec![Edit::write("envs/staging/warehouse.md", &how_to)],
        ),
    ];
    Ok(new)
}
