//! The style sheet: light and dark by the reader's preference, one column on a phone.

/// What figures need, inside a page and in files of their own. The colours are those of Okabe and Ito, told apart by colour-blind readers.
pub(super) const FIGURES: &str = "\
.figure{--ink:#1c1c1e;--quiet:#66666b;--rule:#dcdce0;--s0:#0072b2;--s1:#d55e00;--s2:#009e73;--s3:#cc79a7;--s4:#8a6d00;--s5:#56b4e9;\
--s6:#5c4d9c;--s7:#7a7a80;font-family:system-ui,sans-serif;font-size:13px}\
@media(prefers-color-scheme:dark){.figure{--ink:#ececf0;--quiet:#a0a0a8;--rule:#3a3a40;--s0:#5aa9e6;--s1:#ff8f4d;--s2:#3ecf9d;--s3:#e79ac6;\
--s4:#e6c229;--s5:#8fd3ff;--s6:#a99bf0;--s7:#b0b0b8}}\
.figure text{fill:var(--ink)}.figure .tick{fill:var(--quiet);font-size:12px}.figure .note{fill:var(--quiet);font-size:11px}\
.figure .grid{stroke:var(--rule);stroke-width:1}.figure .axis{fill:none;stroke:var(--quiet);stroke-width:1}\
.figure .line{fill:none;stroke-width:2}.figure .bar{fill:none;stroke-width:1.4;opacity:.75}.figure .level{stroke-dasharray:6 4}\
.figure .dashed{stroke-dasharray:2 3}\
.figure .s0{stroke:var(--s0)}.figure .s1{stroke:var(--s1)}.figure .s2{stroke:var(--s2)}.figure .s3{stroke:var(--s3)}\
.figure .s4{stroke:var(--s4)}.figure .s5{stroke:var(--s5)}.figure .s6{stroke:var(--s6)}.figure .s7{stroke:var(--s7)}\
.figure .point{stroke-width:0}.figure .point.s0{fill:var(--s0)}.figure .point.s1{fill:var(--s1)}.figure .point.s2{fill:var(--s2)}\
.figure .point.s3{fill:var(--s3)}.figure .point.s4{fill:var(--s4)}.figure .point.s5{fill:var(--s5)}.figure .point.s6{fill:var(--s6)}\
.figure .point.s7{fill:var(--s7)}";

/// The rest of the page.
pub(super) const PAGE: &str = "\
:root{color-scheme:light dark;--back:#fff;--ink:#1c1c1e;--quiet:#66666b;--rule:#dcdce0;--good:#00734f;--bad:#b3261e}\
@media(prefers-color-scheme:dark){:root{--back:#161618;--ink:#ececf0;--quiet:#a0a0a8;--rule:#3a3a40;--good:#3ecf9d;--bad:#ff8a80}}\
*{box-sizing:border-box}body{margin:0 auto;max-width:1100px;padding:16px;background:var(--back);color:var(--ink);\
font:16px/1.5 system-ui,sans-serif}h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0;overflow-wrap:anywhere}h2{font-size:1.2rem;margin:2rem 0 .5rem}\
h3{font-size:1rem;margin:.5rem 0}.question{font-size:1.1rem;color:var(--quiet)}li{margin:.3rem 0}\
.scroll{overflow-x:auto;-webkit-overflow-scrolling:touch}table{border-collapse:collapse;font-size:.85rem;white-space:nowrap}\
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--rule);text-align:right}th:first-child,td:first-child{text-align:left;\
position:sticky;left:0;background:var(--back);min-width:8.5rem;max-width:46vw;overflow-wrap:break-word;white-space:normal}th{font-weight:600;vertical-align:bottom}\
.range{display:block;font-size:.75rem;color:var(--quiet)}.better{color:var(--good)}.worse{color:var(--bad)}\
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:1.5rem}figure{margin:0}\
figure svg{width:100%;height:auto;display:block}figcaption{font-size:.85rem;color:var(--quiet)}details{margin:1rem 0}\
summary{cursor:pointer;font-weight:600}dt{font-weight:600}dd{margin:0 0 .5rem}footer{margin-top:3rem;font-size:.8rem;color:var(--quiet)}";
