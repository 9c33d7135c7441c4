//! A checkout that costs less, and is left with too little to bear the morning.

use anyhow::Result;

use super::REPO;
use crate::forge::git::Edit;
use crate::forge::sample::{change, commit, swap, team};
use crate::forge::world::{NewChange, World};

const AIDER: &str = "Mika Saarinen (aider) <mika@acme.example>";

const DEPLOYMENT: &str = r"apiVersion: apps/v1
kind: Deployment
metadata:
  name: checkout
  namespace: shop
  labels:
    app: checkout
spec:
  replicas: 6
  strategy:
    rollingUpdate:
      maxSurge: 2
      maxUnavailable: 0
  selector:
    matchLabels:
      app: checkout
  template:
    metadata:
      labels:
        app: checkout
    spec:
      terminationGracePeriodSeconds: 45
      containers:
        - name: checkout
          image: registry.acme.example/checkout@sha256:9b0a6f3c1e7d5a2b4c8f6d0e3a1b7c5d9e2f4a6b8c0d1e3f5a7b9c1d3e5f7a9b
          ports:
            - containerPort: 8080
          resources:
            requests:
              cpu: 500m
              memory: 768Mi
            limits:
              memory: 1Gi
          readinessProbe:
            httpGet:
              path: /ready
              port: 8080
            periodSeconds: 5
            failureThreshold: 3
";

const SCALER: &str = r"apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: checkout
  namespace: shop
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: checkout
  minReplicas: 6
  maxReplicas: 24
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: 60
";

/// What is there before.
pub(super) fn files() -> Vec<Edit> {
    vec![
        Edit::write("deploy/checkout/deployment.yaml", DEPLOYMENT),
        Edit::write("deploy/checkout/scaler.yaml", SCALER),
    ]
}

/// Opens the change.
pub(super) fn open(world: &mut World) -> Result<()> {
    world.open(smaller()?)?;
    world.check(REPO, 307, "schema", Some("success"))
}

fn smaller() -> Result<NewChange> {
    let mut new = change(
        REPO,
        307,
        "Give checkout what it uses",
        "mika",
        "checkout-requests",
        1_330,
    );
    new.body = "Over the last week checkout used a third of what it asks for. This asks for what it used on average, and lets \
                it shrink at night.\n"
        .to_owned();
    new.labels = vec!["cost".into()];
    new.asked = team("platform");
    let deployment = swap(
        DEPLOYMENT,
        &[
            ("  replicas: 6\n", "  replicas: 2\n"),
            ("      maxUnavailable: 0\n", "      maxUnavailable: 1\n"),
            (
                "              cpu: 500m\n              memory: 768Mi\n            limits:\n              memory: 1Gi\n",
                "              cpu: 150m\n              memory: 256Mi\n            limits:\n              memory: 384Mi\n",
            ),
            (
                "            failureThreshold: 3\n",
                "            failureThreshold: 10\n",
            ),
        ],
    )?;
    let scaler = swap(
        SCALER,
        &[
            (
                "  minReplicas: 6\n  maxReplicas: 24\n",
                "  minReplicas: 1\n  maxReplicas: 8\n",
            ),
            (
                "          averageUtilization: 60\n",
                "          averageUtilization: 85\n",
            ),
        ],
    )?;
    new.commits = vec![
        commit(
            "fix: ask for what checkout uses on average",
            AIDER,
            1_371,
            vec![Edit::write("deploy/checkout/deployment.yaml", &deployment)],
        ),
        commit(
            "feat: let checkout shrink at night",
            AIDER,
            1_345,
            vec![Edit::write("deploy/checkout/scaler.yaml", &scaler)],
        ),
    ];
    Ok(new)
}
