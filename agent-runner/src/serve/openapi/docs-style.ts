export const DOCS_STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d8dce2, #3a4049); --soft: light-dark(#f4f6f8, #1d2127); --text: light-dark(#1b1f24, #e4e7eb); --link: light-dark(#0b5cad, #7ab7ff); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 4rem; color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
h1 { margin: 0 0 .25rem; overflow-wrap: anywhere; } h1 small { font-size: 1rem; font-weight: 400; opacity: .7; }
h2 { margin: 2.5rem 0 .75rem; } h3 { margin: 0 0 .5rem; font-size: 1.05rem; }
p { margin: .4rem 0; overflow-wrap: anywhere; } a { color: var(--link); }
code, pre { font: 13.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { margin: .5rem 0; padding: .8rem 1rem; overflow: auto; max-height: 32rem; background: var(--soft); border: 1px solid var(--line); border-radius: 6px; }
nav { display: grid; margin-top: 1rem; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
nav a { display: grid; grid-template-columns: 4.6rem minmax(8rem, 11rem) 1fr; gap: .6rem; align-items: baseline; padding: .35rem .8rem; color: inherit; text-decoration: none; } nav a + a { border-top: 1px solid var(--line); } nav a:hover { background: var(--soft); }
section { margin-top: 1.25rem; padding: 1rem 1.1rem; border: 1px solid var(--line); border-radius: 6px; }
section h2 { margin-top: 0; }
table { width: 100%; margin-top: .7rem; border-collapse: collapse; font-size: .93rem; }
th, td { padding: .3rem .6rem .3rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); } th { border-top: 0; font-weight: 600; } th:first-child { width: 9rem; } 
.method { display: inline-block; min-width: 4.2rem; padding: .05rem .4rem; border-radius: 4px; font: 700 .75rem/1.6 ui-monospace, monospace; text-align: center; color: #fff; background: #5b6470; }
.get { background: #1f6fb2; } .post { background: #23803c; } .delete { background: #b3372f; }
`;
