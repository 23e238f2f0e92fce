"""How a report looks: light and dark by what the reader prefers, and on paper."""

from typing import Final

STYLE: Final = """
:root { --text: #17212b; --quiet: #5b6875; --ground: #fff; --card: #f2f5f8; --rule: #d3dbe3;
  --benign: #0072b2; --attack: #d55e00; --unlabelled: #7a7a7a; --good: #00664a; --bad: #a33f00; }
@media screen and (prefers-color-scheme: dark) { :root { --text: #e6ecf2; --quiet: #9aa7b4;
  --ground: #12181f; --card: #1c252f; --rule: #33404d; --benign: #56b4e9; --attack: #e69f00;
  --unlabelled: #a8a8a8; --good: #3fc49b; --bad: #e69f00; } }
* { box-sizing: border-box; }
body { margin: 0; color: var(--text); background: var(--ground);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 24px; }
h1 { font-size: 26px; margin: 0; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 32px 0 8px; padding-bottom: 4px;
  border-bottom: 1px solid var(--rule); }
.quiet { color: var(--quiet); font-size: 13px; }
.lead { font-size: 17px; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.cards { display: flex; flex-wrap: wrap; gap: 10px; padding: 0; list-style: none; }
.cards li { background: var(--card); border-radius: 6px; padding: 8px 14px; min-width: 110px; }
.cards span { display: block; font-size: 12px; color: var(--quiet); }
.cards strong { font-size: 20px; }
table { width: 100%; border-collapse: collapse; font-size: 13px; }
th, td { text-align: left; padding: 5px 8px; border-bottom: 1px solid var(--rule);
  vertical-align: top; overflow-wrap: anywhere; min-width: 7.5em; }
.n { min-width: 0; }
.incidents td:first-child { min-width: 9em; }
.incidents td:last-child { min-width: 20em; }
th { color: var(--quiet); font-weight: 600; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: minmax(130px, max-content) 1fr; gap: 4px 16px;
  margin: 8px 0; }
dt { color: var(--quiet); }
dd { margin: 0; overflow-wrap: anywhere; }
.charts { display: flex; flex-wrap: wrap; }
svg.chart { width: 100%; height: auto; }
svg.half { width: 50%; }
svg text { fill: var(--quiet); font-size: 11px; font-family: inherit; }
svg .strong { fill: var(--text); font-weight: 600; }
svg .benign { fill: var(--benign); opacity: .75; }
svg .attack { fill: var(--attack); opacity: .75; }
svg .unlabelled { fill: var(--unlabelled); opacity: .75; }
svg .ground { fill: var(--card); }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .threshold { stroke: var(--text); stroke-width: 2; }
svg .whisker { stroke: var(--text); stroke-width: 2; }
svg .curve { fill: none; stroke: var(--benign); stroke-width: 2; }
svg .at { fill: var(--attack); stroke: var(--text); }
@media (max-width: 700px) { svg.half { width: 100%; } }
@media print { main { max-width: none; padding: 0; } section { break-inside: auto; }
  h2 { break-after: avoid; } tr, svg, .cards li { break-inside: avoid; } body { font-size: 11pt; }
  .cards li { border: 1px solid var(--rule); } }
"""
