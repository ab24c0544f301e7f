import { Redis } from "ioredis"; import { spawn } from "node:child_process";
import { SCRIPT_TEXTS } from "./dist/scripts.generated.js";
const port = 7998; const srv = spawn("redis-server", ["--port", port, "--save", "", "--appendonly", "no"], {stdio:"ignore"});
await new Promise(r=>setTimeout(r,500)); const c=new Redis(port);
const prelude = SCRIPT_TEXTS.load.slice(0, SCRIPT_TEXTS.load.indexOf("local at = now_ms()"));
const V={
 nothing:"return 1",
 prelude: prelude+"return 1",
 time:"local t=redis.call('TIME') return 1",
 ops:"local t=redis.call('TIME'); local f=redis.call('HMGET',KEYS[1],'m','h','w'..ARGV[2]); local l=redis.call('HSTRLEN',KEYS[1],ARGV[12]); redis.call('HSET',KEYS[1],ARGV[12],ARGV[13],'m',f[1],'w'..ARGV[2],'100 2 1795336121258') return 1",
 match:"local a,b,c,d,e,f=string.match('3 0 0 4 1795336076623 1795339675604','^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$') return 1",
 fmt:"local s=string.format('%.0f %.0f %.0f %.0f %.0f %.0f',3,0,0,4,1795336076623,1795339675604) return 1",
 write:SCRIPT_TEXTS.write,
};
const N=20000;
for(const round of [1,2]) for(const [n,t] of Object.entries(V)){ const sha=await c.script("LOAD",t);
 await c.hset("ws:s:{x}","m","3 0 0 4 1795336076623 1995339675604","v","D9v-dzLopiOufq8hIcNYiT9oY83x5GI2iKRhOeBPD4A","h","AAAAAAAA=1.1","wAAAAAAAA","4 3 1795336077617","d:visits","1","d:name",'"someone"');
 await c.config("RESETSTAT"); let p=[];
 for(let i=0;i<N;i++){ p.push(c.evalsha(sha,1,"ws:s:{x}","1995336121258","AAAAAAAA",String(i+10),"","5","","0","65536","2048","f","1","d:visits",String(i))); if(p.length==200){await Promise.all(p);p=[];} }
 const st=await c.info("commandstats"); console.log(n, /evalsha:.*usec_per_call=([\d.]+)/.exec(st)[1]); }
const K=20000; await c.config("RESETSTAT"); let p=[];for(let i=0;i<K;i++){p.push(c.get("a"),c.set("a","x".repeat(200),"EX",100)); if(p.length==200){await Promise.all(p);p=[];}}
console.log((await c.info("commandstats")).match(/cmdstat_[gs]et.*/g));
c.disconnect(); srv.kill();
