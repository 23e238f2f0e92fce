// Recall on synthetic attacks that were laid into the traffic, by kind and strength. They stand in
// a table of their own and count in no other figure.

function readLaid(data) {
  const told = data.meta.laid;
  if (!told || !data.laid) return null;
  const width = told.strengths.length;
  const cells = told.kinds.flatMap((_, q) => told.strengths.map((_, s) => ({
    n: told.n[q][s], counts: columnOf(data.laid, `a${q * width + s}`, Uint32Array),
  })));
  return { kinds: told.kinds, strengths: told.strengths, cells };
}

// Whether every verdict on them is the same between an edge and the one below it.
function laidSame(sk, k) {
  return !sk.laid || sk.laid.cells.every(cell => cell.counts[k] === (k > 0 ? cell.counts[k - 1] : cell.n));
}

function laidGone(sk) {
  return !sk.laid || sk.laid.cells.every(cell => cell.counts[sk.K - 1] === 0);
}

// The mean over kinds at each strength: a flood must not drown a theft of twelve flows.
function laidMeans(laid, k) {
  const width = laid.strengths.length;
  return laid.strengths.map((_, s) => {
    const shares = laid.kinds.map((_, q) => laid.cells[q * width + s]).filter(cell => cell.n).map(cell => cell.counts[k] / cell.n);
    return ratio(shares.reduce((sum, share) => sum + share, 0), shares.length);
  });
}

function layoutLaid(S) {
  const { laid } = S.sketch, { el } = S;
  // Beside the classes of labelled attacks there is no room left.
  (S.sketch.judged ? el.laidWide : el.laidSide).append(el.laidPart);
  el.laidPart.hidden = !laid;
  el.laidHead.replaceChildren();
  el.laidBody.replaceChildren();
  S.laidCells = [];
  S.laidMeans = [];
  if (!laid) return;
  make(el.laidHead, "th", "", "Kind").scope = "col";
  for (const strength of laid.strengths) make(el.laidHead, "th", "", strength[0].toUpperCase() + strength.slice(1)).scope = "col";
  laid.kinds.forEach((kind, q) => {
    const row = make(el.laidBody, "tr", "");
    make(row, "th", "", kind).scope = "row";
    laid.strengths.forEach((strength, s) => laidCell(S, row, laid.cells[q * laid.strengths.length + s], `${kind}, ${strength}`));
  });
  const foot = make(el.laidBody, "tr", "means");
  make(foot, "th", "", "Mean of kinds").scope = "row";
  S.laidMeans = laid.strengths.map(() => make(make(foot, "td", ""), "span", "laid-share"));
}

function laidCell(S, row, cell, name) {
  const few = cell.n < FEW_FLOWS;
  const box = make(row, "td", few ? "few" : "");
  const share = make(box, "span", "laid-share");
  const bar = make(box, "span", "class-bar");
  S.laidCells.push({ ...cell, few, name, box, share, fill: make(bar, "span", "fill"), pinned: make(bar, "span", "pin-mark"), found: -1 });
}

function moveLaid(S) {
  for (const cell of S.laidCells) {
    const found = cell.counts[S.k];
    if (cell.found === found) continue;
    cell.found = found;
    const recall = ratio(found, cell.n), [low, high] = wilson(found, cell.n);
    cell.share.textContent = percentText(recall) + (cell.few && cell.n ? " *" : "");
    cell.fill.style.width = `${((recall || 0) * 100).toFixed(2)}%`;
    cell.box.title = `${cell.name}: ${countText(found)} of ${countText(cell.n)} synthetic flows alert; 95 % interval ${percentText(low)} to ${percentText(high)}`;
  }
  if (S.sketch.laid) laidMeans(S.sketch.laid, S.k).forEach((mean, s) => { S.laidMeans[s].textContent = percentText(mean); });
}

function movePinnedLaid(S) {
  for (const cell of S.laidCells) {
    cell.pinned.hidden = !S.pinned;
    if (S.pinned) cell.pinned.style.left = `${((ratio(cell.counts[S.pinned.k], cell.n) || 0) * 100).toFixed(2)}%`;
  }
}

function laidVerdict(S) {
  const { laid } = S.sketch;
  if (!laid) return "";
  const told = laidMeans(laid, S.k).map((mean, s) => `${percentText(mean, 0)} at ${laid.strengths[s]} strength`);
  return ` Of the synthetic attacks ${told.join(", ")} are caught.`;
}

function laidSpoken(S) {
  const { laid } = S.sketch;
  return laid ? laidMeans(laid, S.k).map((mean, s) => `synthetic recall ${laid.strengths[s]} ${Number.isFinite(mean) ? mean.toFixed(3) : "unknown"}`) : [];
}
