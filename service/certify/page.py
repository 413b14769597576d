"""The certificate as a page: one file, no network, no scripts; to be read, printed and filed."""

import html
from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1b1f;--soft:#5b5b66;--line:#d5d5dd;
--good:#0a6b2d;--bad:#a3160c}
@media(prefers-color-scheme:dark){:root{--ink:#ececf1;--soft:#a9a9b6;--line:#3b3b45;
--good:#6fd38c;--bad:#ff9a8f}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:Canvas;max-width:72rem;
margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}.sub{color:var(--soft)}
.good{color:var(--good);font-weight:600}.bad{color:var(--bad);font-weight:600}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid var(--line);padding:.4rem .6rem;text-align:right;vertical-align:top}
td{white-space:nowrap}th:first-child,td:first-child{text-align:left}
td.words{text-align:left;white-space:normal;min-width:7rem}
svg{width:100%;height:auto;max-height:13rem}rect{fill:currentColor;opacity:.75}
text{fill:currentColor;font-size:11px}code{word-break:break-all}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dd{margin:0}
"""
_TIMES, _NONE = "\u00d7", "\u2013"
_EXPLAINED = (
    "Latency runs from the arrival of a window's last sample at the service to the frame at a "
    "client on this machine. From the window's end on it contains the transport over LSL and the "
    "wait for the other stream, too. Loop lag is an upper bound."
)
Plain = Mapping[str, JsonValue]


def page(told: Plain) -> str:
    """The page of a sealed certificate."""
    levels = _list(told["levels"])
    body = "\n".join(
        (
            *_verdict(told),
            "<h2>What was measured</h2>",
            _table(levels),
            f'<p class="sub">{_EXPLAINED}</p>',
            *_histograms(levels),
            "<h2>Against what</h2>",
            _limits(_map(told["limits"])),
            "<h2>On what</h2>",
            _facts(told),
            "<h2>The seal</h2>",
            _seal(_map(told["seal"])),
        )
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>HADUA on this machine</title><style>{_STYLE}</style></head>"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def _verdict(told: Plain) -> Iterator[str]:
    passed, levels = bool(told["passed"]), _list(told["levels"])
    holds = told["holds_people"]
    first = levels[0]
    yield "<h1>What this machine holds</h1>"
    yield f'<p class="sub">{_text(told["started"])}</p>'
    load = f"{_text(first['channels'])} channels {_TIMES} {_number(first['rate_hz'], 0)} Hz"
    gaze = f"and a {_number(first['gaze_rate_hz'], 0)} Hz tracker each"
    if holds:
        words = f"It holds {_text(holds)} {'person' if holds == 1 else 'people'} at once"
        rest = "every level passed" if passed else "levels above failed, see below"
        yield f'<p><span class="good">✓ {words}</span> with {load} {gaze}: {rest}.</p>'
    else:
        yield f'<p><span class="bad">✗ It does not hold one person</span> with {load} {gaze}.</p>'


def _table(levels: Sequence[Plain]) -> str:
    heads = (
        *("People", "Verdict", f"Channels {_TIMES} Hz", "Decisions/s"),
        *("p50 ms", "p99 ms", "p99.9 ms", "longest ms"),
        *("from window end, p50 ms", "loop lag p99, at most ms", "lost", "cores used"),
    )
    rows = "\n".join(_row(level) for level in levels)
    cells = "".join(f'<th scope="col">{h}</th>' for h in heads)
    return (
        '<div class="scroll" role="region" aria-label="Levels" tabindex="0"><table><thead><tr>'
        f"{cells}</tr></thead><tbody>\n{rows}\n</tbody></table></div>"
    )


def _row(level: Plain) -> str:
    arrival, window = _map(level["arrival_to_client_ms"]), _map(level["window_end_to_client_ms"])
    lag = level["loop_lag_ms_at_most"]
    lost = sum(int(n) for n in _map(level["lost"]).values() if isinstance(n, int | float))
    figures = (
        _text(level["people"]),
        f"{_text(level['channels'])} {_TIMES} {_number(level['rate_hz'], 0)}",
        _number(level["decisions_per_s"], 2),
        *(_number(arrival[q], 1) for q in ("p50", "p99", "p99.9", "longest")),
        _number(window["p50"], 1),
        _NONE if lag is None else _number(_map(lag)["p99"], 1),
        f"{lost}",
        _NONE if level["cores_used"] is None else _number(level["cores_used"], 2),
    )
    failures = level["failures"]
    words = "; ".join(map(str, failures)) if isinstance(failures, list) else ""
    good = bool(level["passed"])
    verdict = '<span class="good">✓ pass</span>' if good else '<span class="bad">✗ fail</span>'
    said = f"{verdict} {html.escape(words)}".strip()
    people, *others = (f"<td>{figure}</td>" for figure in figures)
    return f'<tr>{people}<td class="words">{said}</td>{"".join(others)}</tr>'


def _histograms(levels: Sequence[Plain]) -> Iterator[str]:
    for level in levels:
        bars = [(float(b[0]), int(b[1])) for b in _pairs(level["histogram_ms"])]
        people = _text(level["people"])
        yield f"<h3>Latency of every decision, {people} at once</h3>{_histogram(bars)}"


def _histogram(bars: Sequence[tuple[float, int]]) -> str:
    most = max((n for _, n in bars), default=0) or 1
    parts = []
    for k, (edge, n) in enumerate(bars):
        x, height = 10 + 50 * k, 110.0 * n / most
        parts.append(f'<rect x="{x}" y="{125 - height:.1f}" width="44" height="{height:.1f}"/>')
        parts.append(f'<text x="{x + 22}" y="142" text-anchor="middle">≤ {edge:g}</text>')
        if n:
            parts.append(
                f'<text x="{x + 22}" y="{120 - height:.1f}" text-anchor="middle">{n}</text>'
            )
    width = 20 + 50 * len(bars)
    told = ", ".join(f"{n} up to {edge:g} ms" for edge, n in bars if n)
    return (
        f'<svg viewBox="0 0 {width} 160" role="img" aria-label="{told}">{"".join(parts)}'
        f'<text x="{width - 10}" y="157" text-anchor="end">ms</text></svg>'
    )


def _limits(limits: Plain) -> str:
    words = {
        "p99_ms": "99 of 100 decisions at the client within",
        "p999_ms": "999 of 1000 within",
        "lag_p99_ms": "event loop late, 99 of 100 looks, by less than",
        "lost": "samples, windows and decisions lost, at most",
    }
    units = {"lost": ""}
    return _pairs_as_list(
        (words[k], f"{_number(v, 0)}{units.get(k, ' ms')}") for k, v in limits.items() if k in words
    )


def _facts(told: Plain) -> str:
    machine, versions = _map(told["machine"]), _map(told["versions"])
    loads = machine["load_average"]
    rows = [
        ("processor", _text(machine["processor"])),
        ("cores", _text(machine["cores"])),
        ("system", _text(machine["system"])),
        ("load before it began", _NONE if loads is None else ", ".join(map(str, _items(loads)))),
        ("bundle", _text(told["bundle"])),
        ("versions", ", ".join(f"{name} {_text(v)}" for name, v in versions.items())),
        ("command", f"<code>{html.escape(' '.join(map(str, _items(told['command']))))}</code>"),
    ]
    return _pairs_as_list(rows)


def _seal(seal: Plain) -> str:
    rows = [
        ("sealed by", f"<code>{_text(seal['by'])}</code>"),
        ("value", f"<code>{_text(seal['value'])}</code>"),
    ]
    return f'{_pairs_as_list(rows)}<p class="sub">{_text(seal["what_it_is"])}</p>'


def _pairs_as_list(rows: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows) + "</dl>"


def _text(value: JsonValue) -> str:
    return html.escape(str(value))


def _number(value: JsonValue, decimals: int) -> str:
    return f"{float(value):.{decimals}f}" if isinstance(value, int | float) else _NONE


def _map(value: JsonValue) -> Plain:
    return value if isinstance(value, dict) else {}


def _items(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _list(value: JsonValue) -> list[Plain]:
    return [_map(each) for each in _items(value)]


def _pairs(value: JsonValue) -> Iterator[tuple[str, str]]:
    for each in _items(value):
        first, second = _items(each)
        yield str(first), str(second)
