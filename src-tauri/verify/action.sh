#!/usr/bin/env bash
# Collects, judges and sets the status `CONTEXT` of commits: of every open change, of those with the head HEAD, or of
# the merge group that ends at GROUP. Nothing of a change is checked out or run: its objects are fetched into a bare
# repository, and the policy is read from the target branch, and from the default branch of the organisation's repository
# where it extends the organisation's.
#
# From the environment: GATE (the program), REPO (owner/name), GH_TOKEN, and HEAD, or GROUP and QUEUE (its target
# branch); further CONTEXT, SERVER (https://github.com), RUN_URL, GITHUB_STEP_SUMMARY.
set -euo pipefail
: "${GATE:?}" "${REPO:?}" "${GH_TOKEN:?}"
CONTEXT=${CONTEXT:-countersign} SERVER=${SERVER:-https://github.com} RUN_URL=${RUN_URL:-}
HEAD=${HEAD:-} GROUP=${GROUP:-} QUEUE=${QUEUE:-}
QUEUE=${QUEUE#refs/heads/}
# gh takes one of the two, by its host.
export GH_TOKEN GH_ENTERPRISE_TOKEN=$GH_TOKEN GH_HOST=${SERVER#*://}
SUMMARY=${GITHUB_STEP_SUMMARY:-/dev/null}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git init --quiet --bare --template= "$work/objects"

is_commit() { case $1 in '' | *[!0-9a-f]*) return 1 ;; esac; }

# status COMMIT STATE TEXT
status() {
    local target=()
    if [ -n "$RUN_URL" ]; then target=(-f "target_url=$RUN_URL"); fi
    gh api --silent "repos/$REPO/statuses/$1" -f "state=$2" -f "context=$CONTEXT" -f "description=$3" "${target[@]}"
}

# The token goes to git by its environment: arguments can be read by every process of the machine.
with_token() {
    GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_CONFIG_COUNT=1 \
        GIT_CONFIG_KEY_0="http.$SERVER/.extraheader" \
        GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $(printf 'x-access-token:%s' "$GH_TOKEN" | base64 -w0)" \
        git -C "$work/objects" "$@" < /dev/null
}

# fetch REPOSITORY COMMIT...
fetch() {
    local from=$SERVER/$1
    shift
    with_token fetch --quiet --no-tags --no-recurse-submodules "$from" "$@"
}

# Which lines agents wrote, where somebody has pushed that. Asked for once.
notes=
fetch_notes() {
    local found
    if [ -n "$notes" ]; then return 0; fi
    found=$(with_token ls-remote "$SERVER/$REPO" refs/notes/ai) || return 2
    if [ -n "$found" ]; then fetch "$REPO" +refs/notes/ai:refs/notes/ai || return 2; fi
    notes=asked
}

# extend ANSWERS: asks for the organisations' policies that those of the target branches extend, and fetches them. Which
# commit that is says the forge, and nothing that a change has a part in.
extend() {
    local name tip
    "$GATE" collect --extends "$1" --git "$work/objects" > "$work/calls" || return 2
    sh "$work/calls" > "$work/extended" || return 2
    cat "$work/extended" >> "$1" || return 2
    jq -r '.data.repository | "\(.nameWithOwner) \(.defaultBranchRef.target.oid)"' "$work/extended" > "$work/tips" || return 2
    while read -r name tip; do
        case $name in '' | -* | *[!A-Za-z0-9._/-]*) return 2 ;; esac
        is_commit "$tip" || return 2
        fetch "$name" "$tip" || return 2
    done < "$work/tips"
}

# judge COMMIT WHAT NUMBER...: WHAT is what the gate is asked for, NUMBERs are all changes that have a part in it.
judge() {
    local commit=$1 what=$2 answers=$work/answers.$1 number heads wanted
    shift 2
    [ -e "$answers" ] || : > "$answers" || return 2
    for number in "$@"; do
        "$GATE" collect --repo "$REPO" --change "$number" > "$work/calls" || return 2
        sh "$work/calls" >> "$answers" || return 2
    done
    if [ -z "$GROUP" ]; then
        # A change that has moved since it was listed: the verdict would be about another commit than the status.
        heads=$(jq -r '.data.repository.pullRequest.headRefOid // empty' "$answers") || return 2
        for number in $heads; do [ "$number" = "$commit" ] || return 2; done
    fi
    wanted=$(jq -r '.data.repository.pullRequest | select(.headRefOid) | .headRefOid, .baseRef.target.oid' "$answers") || return 2
    for number in $wanted; do is_commit "$number" || return 2; done
    # shellcheck disable=SC2086 # commits, checked above
    fetch "$REPO" $wanted "$commit" || return 2
    extend "$answers" || return 2
    fetch_notes || return 2
    # shellcheck disable=SC2086 # an option and its value
    "$GATE" judge --input "$answers" --git "$work/objects" $what --summary "$SUMMARY" > "$work/verdict"
}

# settle COMMIT CODE: the status that follows from the gate's exit status.
settle() {
    local said
    # Only names of the format's own: nothing that somebody else wrote.
    said=$(jq -r '.verdict + (if .reason then ": " + .reason else "" end)
        + (if .break_glass or any(.notes[]; startswith("BREAK GLASS")) then ": BREAK GLASS" else "" end)' "$work/verdict" 2>/dev/null) || said=
    case $2 in
        0) status "$1" success "$said" ;;
        1) status "$1" failure "$said" ;;
        *) status "$1" error "${said:-could not be collected}" ;;
    esac
}

worst=0
# one COMMIT WHAT NUMBER...
one() {
    local code=0
    rm -f "$work/verdict"
    judge "$@" || code=$?
    settle "$1" "$code" || code=2
    if [ "$code" -gt "$worst" ]; then worst=$code; fi
}

if [ -n "$GROUP" ]; then
    is_commit "$GROUP"
    status "$GROUP" pending "judging"
    numbers=
    if "$GATE" collect --repo "$REPO" --queue "$QUEUE" > "$work/calls" && sh "$work/calls" > "$work/answers.$GROUP"; then
        numbers=$(jq -r --arg tip "$GROUP" '.data.repository.mergeQueue.entries.nodes
            | sort_by(.position)
            | .[: (map(.headCommit.oid) | index($tip) // -1) + 1][]
            | .pullRequest.number' "$work/answers.$GROUP") || numbers=
    fi
    # shellcheck disable=SC2086 # numbers
    one "$GROUP" "--group $GROUP" $numbers
else
    gh api --paginate "repos/$REPO/pulls?state=open&per_page=100" --jq '.[] | "\(.number) \(.head.sha)"' > "$work/open"
    if [ -n "$HEAD" ]; then
        is_commit "$HEAD"
        # Where none has it, something else has moved: then all are judged.
        if grep -F " $HEAD" "$work/open" > "$work/some"; then mv "$work/some" "$work/open"; fi
    fi
    for head in $(cut -d ' ' -f 2 "$work/open" | sort -u); do
        is_commit "$head"
        numbers=$(grep -F " $head" "$work/open" | cut -d ' ' -f 1)
        # A status belongs to the commit. That of one change says it for all: the gate judges the others with it.
        # shellcheck disable=SC2086 # numbers
        one "$head" "--change ${numbers%%[!0-9]*}" $numbers
    done
fi
# One that is rejected is an answer; only what could not be judged is a failure of the job.
if [ "$worst" -gt 1 ]; then exit 1; fi
