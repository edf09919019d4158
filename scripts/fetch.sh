# Shared by the fetch scripts: `fetch_zip URL FOLDER`, with the MD5 sums of the files to keep on stdin.
# Nothing is left in FOLDER unless every sum is right; files that are there and right are kept.
fetch_zip() {
    local url=$1 folder=$2 sums work
    sums=$(cat)
    mkdir -p "$folder"
    if (cd "$folder" && md5sum --check --quiet --status <<<"$sums"); then
        echo "$folder is complete" >&2
        return
    fi
    # Beside the folder, so that the files can be moved into place.
    work=$(mktemp -d "$folder.XXXXXX")
    trap 'rm -rf "$work"' EXIT INT TERM
    curl --fail --location --show-error --output "$work/archive.zip" "$url"
    unzip -q -j "$work/archive.zip" -d "$work"
    (cd "$work" && md5sum --check <<<"$sums") >&2
    while read -r _ file; do mv "$work/$file" "$folder/$file"; done <<<"$sums"
}
