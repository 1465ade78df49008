# Sourced by run, test, bench and prepare, with the checkout's root as working directory.
say() { printf '%s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

need_dotnet() {
    command -v dotnet >/dev/null || stop "The .NET SDK 10 is missing: install Debian's or Microsoft's package dotnet-sdk-10.0, then run again."
    local said
    said=$(dotnet --version 2>&1) && return
    case $said in
        *ICU*) stop "The .NET SDK does not start without ICU: install Debian's package libicu72 (or the libicu of this system), then run again." ;;
        *) stop "No installed .NET SDK fits global.json (10.0.100 or a newer 10.0): install dotnet-sdk-10.0, then run again." ;;
    esac
}

# Where the ClickHouse engine lies; LocalStores looks there by the same rule.
engine_cache() {
    local cache="${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/bsp"
    if mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ]; then echo "$cache"; else echo "$PWD/.local/cache"; fi
}

# Builds a project or solution (Release), unless no input of a build has changed since the last time. $1: name of the stamp, $2: what to build
build_once() {
    local stamp=".local/build-$1" now
    now=$(find src tests tools Directory.*.props global.json .editorconfig Bsp.sln -type f -not -path '*/bin/*' -not -path '*/obj/*' -not -path 'src/Console/*' -not -path 'src/Api/wwwroot/*' -printf '%p %T@ %s\n' | LC_ALL=C sort | sha256sum)
    local made=tools/LocalStores/bin/Release/net10.0/Bsp.LocalStores.dll
    [ "$1" != unit ] || made=tests/UnitTests/bin/Release/net10.0/Bsp.UnitTests.dll
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ] && [ -f "$made" ]; then return; fi
    mkdir -p .local/logs
    say "Building ..."
    if ! DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 dotnet build "$2" -c Release -v quiet --disable-build-servers -clp:NoSummary >.local/logs/build.log 2>&1 </dev/null; then
        grep -E 'error|warning' .local/logs/build.log | sort -u | head -n 20 >&2
        if grep -q NU1301 .local/logs/build.log; then stop "The NuGet packages could not be fetched (no network?): connect this machine, then run again."; fi
        stop "The build failed; all it said is in .local/logs/build.log."
    fi
    printf '%s' "$now" >"$stamp"
}
