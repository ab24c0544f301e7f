import { Redis } from "ioredis"; import { spawn } from "node:child_process";
const port = 7996; const srv = spawn("redis-server", ["--port", port, "--save", "", "--appendonly", "no"], {stdio:"ignore"});
await new Promise(r=>setTimeout(r,500)); const c=new Redis(port);
const v=JSON.stringify({visits:0,name:"someone",cart:[1,2,3],cookie:{originalMaxAge:1,expires:"2026-01-01"}});
for(let k=0;k<5;k++){ let i=0;const N=40000,t=performance.now(); for(let j=0;j<200;j++) await c.set("sess:"+j,v,"EX",100);
 await Promise.all(Array.from({length:200},async(_,w)=>{while(i<N){i++; const o=JSON.parse(await c.get("sess:"+w)); o.visits++; await c.set("sess:"+w,JSON.stringify(o),"EX",86400);}})); console.log("pairs/s",(N/(performance.now()-t)*1000|0)); }
c.disconnect(); srv.kill();
