#!/usr/bin/env bash
# How an environment beside .venv is kept: for the scripts that make one, which name it beforehand
# as $environment, say what it depends on in a function `depends_on` and what fills it in a
# function `fill`, and then say: source tools/environment_apart.sh; keep WHAT HOW_MUCH
# shellcheck disable=SC2154
source tools/virtualenv.sh

stamp="$environment/.installed"

# The path is part of it because an environment that was copied or moved still points at the old
# place.
fingerprint() {
    {
        pwd
        depends_on
    } | cksum
}

keep() {
    if [ -x "$python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$(fingerprint)" ]; then
        return
    fi
    make_environment
    echo "installing $1 into $environment ($2 the first time)"
    fill ||
        stop "could not install $1 (reason above). Check the network or pip's configuration, and run make again."
    fingerprint >"$stamp"
}
