import { Redis } from "ioredis";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { redisStore } from "./dist/index.js";
import { SCRIPT_TEXTS } from "./dist/scripts.generated.js";
const port = 7997; const srv = spawn("redis-server", ["--port", port, "--save", "", "--appendonly", "no"], {stdio:"ignore"});
await new Promise(r=>setTimeout(r,500));
const client = new Redis(port);
const store = redisStore({ client });
store.attach({held(){},heldIds(){return[]},notify(){return 0},onError(e){console.error(e)}});
const ids=[]; for(let i=0;i<1000;i++){const id=randomBytes(16).toString("base64url");ids.push(id);
 await store.create({id,digest:randomBytes(32).toString("base64url"),data:{visits:0,name:"someone",cart:[1,2,3]},subject:undefined,schemaVersion:0,idleMs:6e5,absoluteMs:36e5,hold:false,exclusive:false});}
const sha=createHash("sha1").update(SCRIPT_TEXTS.write).digest("hex");
await client.script("LOAD", SCRIPT_TEXTS.write);
const ver=new Map(ids.map(i=>[i,1]));
let seq=1e6; const node="AAAAAAAA";
async function control(id,n){ const v=ver.get(id);
  const r=await client.evalsha(sha,1,`ws:s:{${id}}`,String(Date.now()+2000),node,String(++seq),String(v),String(v),"","0","65536","2048","f","1","d:visits",String(n));
  if(typeof r!=="number") throw new Error(JSON.stringify(r)); ver.set(id,r);}
async function subject(id,n){ const v=ver.get(id);
  const r=await store.write({id,change:{type:"fields",set:{visits:n},unset:[]},expect:v,known:v,fence:undefined,schemaVersion:0});
  if(r.type!=="written") throw new Error(JSON.stringify(r)); ver.set(id,r.version);}
async function run(f,total){ let i=0; const t=performance.now(), c=process.cpuUsage();
  const worker=async(w)=>{ while(i<total){ const k=i++; await f(ids[(k%5)*200+w],k);} };
  await Promise.all(Array.from({length:200},(_,w)=>worker(w)));
  const cpu=process.cpuUsage(c);
  return {rate:total/(performance.now()-t)*1000, cpu:(cpu.user+cpu.system)/total};}
const N=40000; await run(subject,N);
const R=[],C=[],S=[];
for(let k=0;k<7;k++){ const b=await run(subject,N),a=b; C.push(a.rate);S.push(b.rate);R.push(b.rate/a.rate); console.log((a.rate|0),(b.rate|0),(b.rate/a.rate).toFixed(3),"cpu",a.cpu.toFixed(2),b.cpu.toFixed(2)); }
R.sort((a,b)=>a-b); console.log("median ratio",R[3].toFixed(3));

await store.close(); client.disconnect(); srv.kill();
