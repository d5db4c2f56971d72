"""What every page begins with: its title, the width, the styles, and word of a link that was partly unusable."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from nnviz import environment
from nnviz.environment import SettingError
from nnviz.store.database import StoreError
from nnviz.ui import runs, services, state
from nnviz.ui.format import plain, sentence

_STYLE = """
<style>
.block-container { padding: 1.5rem 5rem 4rem; max-width: 1560px; }
/* A page appears when all of it is in its place: its script is done, and what is loaded for it is drawn. It stays from
   then on (the way back to hidden is a transition that waits for ever), and after some seconds it appears as it is. */
@property --seen { syntax: "hidden | visible"; inherits: false; initial-value: hidden; }
.block-container {
  visibility: var(--seen); transition: --seen 0s 1e7s allow-discrete; animation: appear 0s 4s forwards, arrive 0.1s;
}
[data-test-script-state="notRunning"] .block-container:not(:has([data-testid="stSkeleton"],
  [data-testid^="stBidiComponent"]:not([data-drawn]))) { --seen: visible; transition-delay: 60ms; }
@keyframes appear { to { visibility: visible; } }
@keyframes arrive { from, to { visibility: hidden; } } /* what came before these styles moves to its place unseen */
/* Which Streamlit makes visible whatever they stand in. */
.block-container :is([data-testid="stMarkdown"] > div, [data-testid="stWidgetLabel"]) { visibility: inherit; }
.st-key-navigation { border-bottom: 1px solid var(--st-border-color, #8884); padding-bottom: 0.3rem; }
.st-key-navigation a p { font-size: 1.02rem; }
/* A live part that is being refreshed must not fade. */
[data-stale="true"] { opacity: 1 !important; }
.stElementContainer, .stVerticalBlock { transition: none !important; }
/* A table wider than a phone scrolls by itself, not the page. */
[data-testid="stMarkdownContainer"]:has(> table) { overflow-x: auto; }
/* Streamlit writes these with less contrast than 4.5 to one; a theme has no colour of its own for them. */
[data-testid="stCaptionContainer"] { opacity: 0.78; }
:is([data-testid$="Active"], [data-testid="stSliderThumbValue"], button[data-selected="true"],
  [role="tab"][aria-selected="true"]) p { color: light-dark(#1c4fa6, #8db7ff); }
/* Where the keyboard is must be seen. */
:is(a, button, summary, pre, [role="tab"], [role="button"], [tabindex="0"]):focus-visible {
  outline: 2px solid light-dark(#1f58b8, #8db7ff) !important; outline-offset: 2px;
}
/* The heading of a page that names itself by its place in the navigation. */
.stElementContainer:has(.page-head) { position: absolute; width: 1px !important; overflow: hidden; }
.page-title { width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.st-key-draw-section-quiz h2 { font-size: 2.25rem; }
/* The answers to ten test images come with the first batches, below the curves. */
.st-key-curves { min-height: 598px; }
/* Figures that count must not jump. */
[data-testid="stMetricValue"] { font-variant-numeric: tabular-nums; }
/* What a finger is to meet is as large as a finger. */
@media (pointer: coarse) {
  :is(button[data-testid^="stBaseButton"], button[data-testid="stPopoverButton"], button[role="radio"],
    a[data-testid="stPageLink-NavLink"], div[data-testid="stTab"], details summary, input[data-testid$="Field"],
    [data-testid="stSelectbox"] :is(input, button), [data-testid="stMultiSelect"] :is(input, button, [data-tag]),
    [role="option"], [data-testid="stTooltipIcon"] button[aria-label^="Help"],
    button[data-testid^="stNumberInputStep"], [data-testid="stCheckbox"] label) {
    min-height: 44px; min-width: 44px;
  }
  [data-testid="stCheckbox"] label { align-items: center; }
  /* Help takes a finger also above and below its line, which stays as high as it is. */
  [data-testid="stTooltipIcon"] button[aria-label^="Help "] { margin-block: -10px; }
  [data-testid="stTooltipIcon"] button[aria-label="Help"] { margin: -14px; }
  /* Long names of runs: a list of them tells all, a box that is closed that there is more. */
  :is([role="option"], [role="option"] > [data-item-hl], [data-testid="stMultiSelect"] [data-tag]) { height: auto; }
  :is([role="option"] > [data-item-hl], [data-testid="stMultiSelect"] [data-tag] > span) { white-space: normal; }
  [data-testid="stSelectbox"] input { text-overflow: ellipsis; }
  [data-testid="stNumberInputContainer"], [data-testid="stTextInputRootElement"] { height: auto; min-height: 46px; }
  [data-testid="stSlider"] > div { padding-block: 6px; }
  [data-testid="stHeaderActionElements"] { display: none; } /* links to headings, as small as a letter */
}
@media (max-width: 640px) {
  /* The links to the pages are one row that is pushed along, with the page that is shown in sight. */
  .st-key-navigation { flex-wrap: nowrap; overflow-x: auto; scrollbar-width: none; gap: 0.25rem; }
  .st-key-navigation > * { flex: none; }
  /* A run has a long name, and much is said of it. */
  .st-key-inspect-what > * { flex: 1 1 100%; width: 100%; }
  .st-key-inspect-state { width: 100%; }
  .block-container { padding-left: 0.9rem; padding-right: 0.9rem; }
  /* One row whatever can be done just now: what stands below keeps its place. */
  .st-key-controls { flex-wrap: nowrap; overflow-x: auto; padding: 3px; scrollbar-width: thin; }
  .st-key-controls button { white-space: nowrap; }
  /* What is going on comes before what may be set. */
  :is(.st-key-train-layout, .st-key-sweep-layout) > [data-testid="stHorizontalBlock"],
  :is(.st-key-train-layout, .st-key-sweep-layout) > div > [data-testid="stHorizontalBlock"] {
    flex-direction: column-reverse; gap: 1.5rem;
  }
  :is(.st-key-train-layout, .st-key-sweep-layout) [data-testid="stColumn"] { min-width: 100%; }
}
</style>
"""


_ICON = str(Path(__file__).with_name("icon.png"))

PAGES = (
    ("app.py", "Studio", ":material/neurology:"),
    ("pages/1_Build.py", "Build", ":material/account_tree:"),
    ("pages/2_Train.py", "Train", ":material/play_circle:"),
    ("pages/3_Inspect.py", "Inspect", ":material/search:"),
    ("pages/4_Draw.py", "Draw", ":material/draw:"),
    ("pages/5_Compare.py", "Compare", ":material/compare_arrows:"),
    ("pages/6_Sweep.py", "Sweep", ":material/grid_on:"),
    ("pages/7_Glossary.py", "Glossary", ":material/menu_book:"),
)


def open_page(title: str, *, titled: bool = False) -> None:
    """Begin a page; `titled` says that it shows a title itself. Else its heading is there for screen readers only."""
    # A picture of our own: Streamlit fetches emoji and :material/…: icons of the tab from the network.
    st.set_page_config(page_title=f"{title} · nnviz", page_icon=_ICON)
    # The styles come with something that stands in the page: alone, Streamlit loads what shows them last of all.
    heading = "" if titled else f"<h1 class=page-title>{title}</h1>"
    here = next((place for place, (_, label, _) in enumerate(PAGES, 1) if label == title), 1)
    in_sight = f"<style>.st-key-navigation > :nth-child({here}) {{ scroll-initial-target: nearest; }}</style>"
    st.html(f'{_STYLE}{in_sight}<div class="page-head">{heading}</div>')
    linked = state.run_without_setup()
    state.setup()
    state.clean_address()
    state.follow_history()
    with st.container(horizontal=True, key="navigation"):
        for path, label, page_icon in PAGES:
            st.page_link(path, label=label, icon=page_icon, query_params=state.own_address(label))
    try:
        environment.check()
        executor = services.executor()
        services.connected()
        if linked:
            runs.begin_as(linked)
    except (StoreError, SettingError) as error:
        st.error(plain(sentence(str(error))), icon=":material/hard_drive:")
        st.stop()
    if reason := services.look_only():
        with st.container(key="look-only-notice"):
            st.info(plain(sentence(reason)), icon=":material/visibility:")
    if title != "Train":  # which says it where it is looked at, and lives
        runs.busy_notice()
    if problem := executor.choice.problem:
        with st.container(key="executor-notice"):
            st.warning(plain(problem), icon=":material/lan:")
    if problems := state.take_link_problems():
        words = "Some of the link could not be used; the usual values stand in its place."
        # As text: a link from a stranger may hold markup.
        st.warning("\n- ".join([words, *(plain(sentence(one)) for one in problems)]), icon=":material/link_off:")
    if reports := state.take_reports():
        with st.container(key="report"):
            for report in dict.fromkeys(reports):
                st.error(plain(report), icon=":material/error:")
