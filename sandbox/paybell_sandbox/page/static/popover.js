// A panel that a button opens beside itself. Escape and a press elsewhere close it: the browser's own popover.

export function popover(button, panel, fill = () => {}) {
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-controls", panel.id);
  button.addEventListener("click", () => panel.togglePopover());
  panel.addEventListener("beforetoggle", (event) => event.newState === "open" && fill(panel));
  panel.addEventListener("toggle", (event) => {
    const open = event.newState === "open";
    button.setAttribute("aria-expanded", String(open));
    if (!open) return;
    place(button, panel);
    panel.querySelector("button, input")?.focus();
  });
  addEventListener("resize", () => panel.matches(":popover-open") && place(button, panel));
}

function place(button, panel) {
  const at = button.getBoundingClientRect();
  const width = panel.offsetWidth;
  const left = Math.max(12, Math.min(at.left + at.width / 2 - width / 2, innerWidth - width - 12));
  const below = at.bottom + 8;
  const top = below + panel.offsetHeight > innerHeight - 12 ? Math.max(12, innerHeight - panel.offsetHeight - 12) : below;
  panel.style.left = `${left}px`;
  panel.style.top = `${top}px`;
}

export const hide = (panel) => panel.matches(":popover-open") && panel.hidePopover();
