// Pointer and keyboard on the chart. Nothing is told to Python until the line is let go.

const PAGE_SHARE = 0.05; // of the width of the chart, for PageUp and PageDown

function listen(S) {
  const { svg } = S.el;
  // The default of mousedown takes the focus away from the grip, and arrow keys with it.
  svg.onmousedown = event => event.preventDefault();
  svg.onpointerdown = event => {
    if (event.button !== 0 || !S.sketch) return;
    const g = S.geometry, at = pointIn(S, event);
    if (at.x < g.x0 - 24 || (event.pointerType === "touch" && at.y > g.y1 + AXIS)) return;
    clearTimeout(S.timer);
    S.timer = null;
    performance.clearMeasures(MEASURE);
    S.dragging = true;
    S.el.svg.setPointerCapture(event.pointerId);
    S.el.svg.classList.add("dragging");
    S.parts.grip.focus({ preventScroll: true });
    dragTo(S, at.x);
  };
  svg.onpointermove = event => { if (S.dragging) dragTo(S, pointIn(S, event).x); };
  svg.onpointerup = svg.onpointercancel = event => {
    if (!S.dragging) return;
    S.dragging = false;
    S.el.svg.classList.remove("dragging");
    if (event.type === "pointerup") dragTo(S, pointIn(S, event).x);
    S.commit();
  };
  svg.onkeydown = event => {
    event.stopPropagation(); // or the page would take R for "run again" and C for "clear"
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const place = afterKey(S, event);
    if (place === null) return;
    event.preventDefault();
    moveTo(S, place, S.sketch.edges[place]);
    S.commitSoon();
  };
}

function pointIn(S, event) {
  const box = S.el.svg.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

function dragTo(S, x) {
  const k = nearestEdge(S, S.geometry.x.invert(Math.min(Math.max(x, S.geometry.x0), S.geometry.x1)));
  moveTo(S, k, S.sketch.edges[k]);
}

// The edge that stands nearest on the logarithmic axis.
function nearestEdge(S, score) {
  const { edges, K } = S.sketch, above = Math.min(edgeAtOrAbove(S.sketch, score), K - 1);
  if (above === 0 || edges[above - 1] <= 0) return above;
  return score / edges[above - 1] < edges[above] / score ? above - 1 : above;
}

function afterKey(S, event) {
  const { K, edges } = S.sketch, last = K - 1;
  const onEdge = S.value === edges[S.k];
  const page = direction => {
    const g = S.geometry, from = S.value > 0 ? g.x(S.value) : g.x0;
    const k = nearestEdge(S, g.x.invert(from + direction * PAGE_SHARE * (g.x1 - g.x0)));
    return Math.min(Math.max(direction > 0 ? Math.max(k, S.k + 1) : Math.min(k, S.k - 1), 0), last);
  };
  switch (event.key) {
    case "ArrowRight": case "ArrowUp": return onEdge ? Math.min(S.k + 1, last) : S.k;
    case "ArrowLeft": case "ArrowDown": return Math.max(S.k - 1, 0);
    case "PageUp": return page(1);
    case "PageDown": return page(-1);
    case "Home": return 0;
    case "End": return last;
    default: return null;
  }
}
