/** The whole look of a report: it loads nothing, and is readable in light and in dark. */
export const STYLE = `
:root{color-scheme:light dark;--fg:#1d2430;--dim:#5d6878;--bg:#f6f7f9;--card:#fff;--edge:#d9dee6;--deny:#b42318;--warn:#9a5b00;--allow:#157347;--risk:#6b3fa0;--changed:#1f5fb0}
@media(prefers-color-scheme:dark){:root{--fg:#e6e9ef;--dim:#9aa5b5;--bg:#14181f;--card:#1c222b;--edge:#323b48;--deny:#ff8a80;--warn:#ffc46b;--allow:#7ddba3;--risk:#c9a6ff;--changed:#8ab8ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1040px;padding:2rem 1.25rem 4rem;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:0}h3{font-size:.85rem;margin:1.1rem 0 .35rem;color:var(--dim);font-weight:600}
p,li,td,h2{overflow-wrap:anywhere}p{margin:.25rem 0}code,pre{font:12.5px/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.dim{color:var(--dim)}.deny{color:var(--deny)}.warn{color:var(--warn)}.allow{color:var(--allow)}.dryrun{color:var(--dim)}
.totals{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.25rem 0}
.totals div{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:.6rem 1rem;min-width:6.5rem}
.totals b{display:block;font-size:1.5rem;line-height:1.2}
section{background:var(--card);border:1px solid var(--edge);border-left:4px solid var(--edge);border-radius:8px;padding:1rem 1.25rem;margin:1rem 0}
section.deny{border-left-color:var(--deny);color:inherit}section.warn{border-left-color:var(--warn);color:inherit}section.allow{border-left-color:var(--allow);color:inherit}
header{display:flex;flex-wrap:wrap;gap:.25rem .75rem;align-items:baseline}header .verdict{margin-left:auto;font-weight:700}
ul.violations{list-style:none;margin:.25rem 0;padding:0}ul.violations>li{padding:.45rem 0;border-top:1px solid var(--edge)}ul.violations>li:first-child{border-top:0}
.severity{display:inline-block;border:1px solid currentColor;border-radius:4px;font-size:.72rem;padding:0 .35rem;margin:0 .35rem}
.fix{margin-top:.2rem}.fix::before{content:"fix: ";color:var(--allow);font-weight:600}
pre{white-space:pre;overflow-x:auto;margin:.25rem 0}pre.patch{color:var(--dim);white-space:pre-wrap}
pre.manifest{border:1px solid var(--edge);border-radius:6px;padding:.5rem 0;background:var(--bg)}
.line,.gap{display:block;padding:0 .75rem;color:var(--fg)}.line b{display:inline-block;width:3.2em;color:var(--dim);font-weight:400;user-select:none}
.line i{font-style:normal;font-weight:600}.gap{color:var(--dim);padding-left:4em}
.line.deny{background:color-mix(in srgb,var(--deny) 16%,transparent)}.line.deny i{color:var(--deny)}
.line.warn{background:color-mix(in srgb,var(--warn) 16%,transparent)}.line.warn i{color:var(--warn)}
.line.risk{background:color-mix(in srgb,var(--risk) 16%,transparent)}.line.risk i{color:var(--risk)}
.line.changed{background:color-mix(in srgb,var(--changed) 14%,transparent)}.line.changed i{color:var(--changed)}
.line.dryrun i{color:var(--dim)}
.meter{position:relative;height:14px;border-radius:7px;background:linear-gradient(90deg,color-mix(in srgb,var(--allow) 45%,transparent),color-mix(in srgb,var(--warn) 45%,transparent),color-mix(in srgb,var(--deny) 55%,transparent));margin:.4rem 0 1.4rem;max-width:480px}
.meter span{position:absolute;top:-4px;width:4px;height:22px;border-radius:2px;background:var(--fg)}.meter em{position:absolute;top:0;width:1px;height:14px;background:var(--fg);opacity:.6}
.meter em::after{content:"threshold";position:absolute;top:14px;left:-1.8rem;font-size:.7rem;font-style:normal}
svg.waterfall{width:100%;max-width:760px;height:auto;display:block}svg text{fill:var(--fg);font-size:12px}svg .amount{fill:var(--dim)}
svg .axis{stroke:var(--edge)}svg .up{fill:var(--deny)}svg .down{fill:var(--allow)}svg .total{fill:var(--risk)}
table{border-collapse:collapse;width:100%;margin:.5rem 0}td,th{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--edge);vertical-align:top}
@media print{body{max-width:none;background:#fff}section{break-inside:avoid}}
`.trim()
