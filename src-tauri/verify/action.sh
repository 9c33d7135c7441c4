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

# complain TEXT: on the run's page and on the job's. TEXT has nothing in it that somebody else wrote.
told=
complain() {
    told=yes
    printf '::error::%s\n' "$1"
    printf '**Failed.** %s\n\n' "$1" >> "$SUMMARY" || :
}

# However the job ends, it does not fail without words.
work=
ended() {
    local code=$?
    if [ -n "$work" ]; then rm -rf "$work" || :; fi
    if [ "$code" -ne 0 ] && [ -z "$told" ]; then
        complain "The job ended before its time. Heads that it did not come to keep the status $CONTEXT that they had, and that may be an old success. Run the job again before anything is merged."
    fi
}
trap ended EXIT
work=$(mktemp -d)

is_commit() {
    case $1 in *[!0-9a-f]*) return 1 ;; esac
    case ${#1} in 40 | 64) ;; *) return 1 ;; esac
}

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
        case $number in *[!0-9]*) return 2 ;; esac
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
    "$GATE" judge --input "$answers" --git "$work/objects" $what --summary "$SUMMARY" > "$work/verdict.$commit"
}

# settle COMMIT CODE: the status that follows from the gate's exit status.
settle() {
    local said
    # Only names of the format's own: nothing that somebody else wrote.
    said=$(jq -r '.verdict + (if .reason then ": " + .reason else "" end)
        + (if .break_glass or any(.notes[]; startswith("BREAK GLASS")) then ": BREAK GLASS" else "" end)' "$work/verdict.$1" 2>/dev/null) || said=
    case $2 in
        0) status "$1" success "$said" ;;
        1) status "$1" failure "$said" ;;
        *) status "$1" error "${said:-could not be collected}" ;;
    esac
}

worst=0
unwritten=()
# one COMMIT WHAT NUMBER...: that it fails keeps no other from being judged.
one() {
    local code=0
    judge "$@" || code=$?
    settle "$1" "$code" || unwritten+=("$1")
    if [ "$code" -gt "$worst" ]; then worst=$code; fi
}

if [ -n "$GROUP$HEAD" ]; then
    if ! is_commit "${GROUP:-$HEAD}"; then
        complain "What was to be judged is not the whole name of a commit, so nothing was. Every head keeps the status $CONTEXT that it had, and that may be an old success. Correct what the workflow gives as head or group."
        exit 1
    fi
    # Whatever becomes of this job, an old success does not outlive its start. Where it cannot be written, the job goes
    # on: what it writes at the end counts.
    status "${GROUP:-$HEAD}" pending "judging" || :
fi
git init --quiet --bare --template= "$work/objects"

if [ -n "$GROUP" ]; then
    numbers=
    if "$GATE" collect --repo "$REPO" --queue "$QUEUE" > "$work/calls" && sh "$work/calls" > "$work/answers.$GROUP"; then
        numbers=$(jq -r --arg tip "$GROUP" '.data.repository.mergeQueue.entries.nodes
            | sort_by(.position)
            | .[: (map(.headCommit.oid) | index($tip) // -1) + 1][]
            | .pullRequest.number' "$work/answers.$GROUP") || numbers=
    fi
    # shellcheck disable=SC2086 # numbers
    one "$GROUP" "--group $GROUP" $numbers
elif gh api --paginate "repos/$REPO/pulls?state=open&per_page=100" \
    --jq '.[] | try "\(.number) \(.head.sha)" catch "? ?"' > "$work/open"; then
    heads=() unreadable=0
    declare -A numbers=()
    while read -r number head; do
        if ! is_commit "$head"; then
            unreadable=$((unreadable + 1))
            continue
        fi
        if [ -z "${numbers[$head]:-}" ]; then heads+=("$head"); fi
        numbers[$head]+=" $number"
    done < "$work/open"
    if [ "$unreadable" -gt 0 ]; then
        complain "Open changes whose head could not be read: $unreadable. They were not judged: their heads keep the status $CONTEXT that they had, and that may be an old success. The others are judged. Run the job again before these are merged."
        worst=2
    fi
    if [ -n "$HEAD" ]; then
        if [ -n "${numbers[$HEAD]:-}" ]; then
            heads=("$HEAD")
        else
            # Something else has moved: then all are judged. Of this one there is nothing to judge.
            status "$HEAD" pending "no open change has this head" || unwritten+=("$HEAD")
        fi
    fi
    for head in "${heads[@]}"; do
        # A status belongs to the commit. That of one change says it for all: the gate judges the others with it.
        # shellcheck disable=SC2086 # the change's numbers
        set -- ${numbers[$head]}
        one "$head" "--change $1" "$@"
    done
else
    worst=2
    if [ -n "$HEAD" ]; then status "$HEAD" error "open changes could not be listed" || unwritten+=("$HEAD"); fi
    complain "The open changes could not be listed, so none was judged. Every head${HEAD:+ but $HEAD} keeps the status $CONTEXT that it had, and that may be an old success. Run the job again before anything is merged."
fi

if [ "${#unwritten[@]}" -gt 0 ]; then
    complain "The status $CONTEXT could not be written on ${unwritten[*]}. What stood there still stands, and may be an old success. Run the job again before these are merged; if that fails too, push a commit to each."
    exit 1
fi
# One that is rejected is an answer; only what could not be judged is a failure of the job.
if [ "$worst" -gt 1 ]; then
    if [ -z "$told" ]; then complain "Not everything could be judged. What could not has the status $CONTEXT error; above stands why."; fi
    exit 1
fi
