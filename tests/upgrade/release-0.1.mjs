// @ts-nocheck -- a bundle of release 0.1, minified: README.md says how it was made.
import{SocketAddress as e}from"node:net";import{STATUS_CODES as t}from"node:http";import{createHash as n,hash as r,randomBytes as i,randomFillSync as a}from"node:crypto";import{isUint8Array as o}from"node:util/types";import{setTimeout as s}from"node:timers/promises";import{TLSSocket as c}from"node:tls";import{WebSocket as l}from"ws";import{Command as u}from"ioredis";var d=class extends Error{name=`SessionError`;code;outcome;constructor(e,t,n={}){super(t,`cause`in n?{cause:n.cause}:void 0),this.code=e,this.outcome=n.outcome}};function f(e,t){return e instanceof Error&&e.name===`SessionError`&&`code`in e&&(t===void 0||e.code===t)}function p(e){return f(e,`CORRUPT_RECORD`)||f(e,`INVALID_DATA`)}function m(e,t,n){let r=Object.keys(t).find(e=>!n.includes(e));if(r!==void 0)throw new d(`INVALID_ARGUMENT`,`${e}: there is no option ${JSON.stringify(r)}`)}function h(){return new d(`SESSION_GONE`,`the session was destroyed or has expired`,{outcome:`not-applied`})}function g(){return new d(`FENCED`,`a newer connection took the session over`,{outcome:`not-applied`})}function _(e){return f(e)?e:new d(`STORE_UNAVAILABLE`,`the store failed`,{cause:e,outcome:`unknown`})}const v={GoingAway:1001,HandlerFailed:1011,Restarting:1012,InboxFull:1013,SessionNeeded:4401,Refused:4403,SessionTimeout:4408,Replaced:4409,Destroyed:4410,EarlyLimit:4413,Expired:4419,StoreUnavailable:4503},y=new TextEncoder;function ee(e,t){let n=e>=1e3&&e<=1014&&e!==1004&&e!==1005&&e!==1006;if(!Number.isInteger(e)||!(n||e>=3e3&&e<=4999))throw new d(`INVALID_ARGUMENT`,`close code ${e} can't be sent: use 1000 or 3000 to 4999`);if(y.encode(t).length>123)throw new d(`INVALID_ARGUMENT`,`close reason is longer than 123 bytes of UTF-8`)}function te(e){m(`close()`,e,[`code`,`reason`,`drainMs`]);let{code:t=v.Restarting,reason:n=`server restarting`,drainMs:r=0}=e;if(ee(t,n),!Number.isFinite(r)||r<0)throw new d(`INVALID_ARGUMENT`,`drainMs is milliseconds from 0, not ${r}`);return{code:t,reason:n,drainMs:r}}function ne(e){let t=0,n=0;for(let r of e){if(t+=y.encode(r).length,t>123)return e.slice(0,n);n+=r.length}return e}function b(e){return typeof e==`object`&&!!e&&`then`in e&&typeof e.then==`function`}function re(e){return e instanceof Promise?e:b(e)?Promise.resolve(e):void 0}function ie(e){re(e)?.catch(()=>void 0)}function x(e){return b(e)?(Promise.resolve(e).catch(()=>void 0),!0):!1}const ae=[`subject`,`sessionId`,`headers`];function oe(e={}){if(typeof e!=`object`||!e)throw new d(`INVALID_ARGUMENT`,`accept() takes its options in an object`);return m(`accept()`,e,ae),{type:`accept`,...e}}function se(e,t=``){if(!Number.isInteger(e)||e<400||e>599)throw new d(`INVALID_ARGUMENT`,`reject() takes an HTTP status from 400 to 599, not ${e}`);if(typeof t!=`string`)throw new d(`INVALID_ARGUMENT`,`reject() takes a reason that is a string`);return{type:`reject`,status:e,reason:t}}function ce(e,t){if(e===void 0)return!0;let n=t.headers.origin;if(typeof e==`function`){let t=e(n);if(x(t))throw new d(`INVALID_ARGUMENT`,`origins must be synchronous`);return t===!0}return n!==void 0&&e.includes(n)}function le(e){return e===void 0||e===``?[]:e.split(`,`).map(e=>e.trim()).filter(e=>e!==``)}function ue(t){if(t===void 0||!t.includes(`:`))return t===``?void 0:t;let{address:n}=new e({address:t,family:`ipv6`});return n.startsWith(`::ffff:`)&&n.includes(`.`)?n.slice(7):n}const de=/^[^\u0000-\u0008\u000a-\u001f\u007f]*$/,fe=/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;function pe(e,t){if(typeof t!=`string`)throw new d(`INVALID_ARGUMENT`,`the header ${JSON.stringify(e)} is not a string`);if(!fe.test(e)||!de.test(t))throw new d(`INVALID_ARGUMENT`,`the header ${JSON.stringify(e)} has characters that can't be sent`)}const me=/* @__PURE__ */ new Set([`__proto__`,`constructor`,`prototype`]);function he(e,t){if(t.type===`replace`)return t.data;let n={...e,...t.set};for(let e of t.unset)delete n[e];return Object.getPrototypeOf(e)!==Object.prototype&&Object.setPrototypeOf(n,Object.getPrototypeOf(e)),n}function ge(e){for(let t of me)if(Object.hasOwn(e,t))return t}function _e(e){let t=[e];for(let e=t.pop();e!==void 0||t.length>0;e=t.pop())if(typeof e==`object`&&e&&!Object.isFrozen(e)){Object.freeze(e);for(let n of Object.values(e))t.push(n)}return e}function S(e,t){if(typeof t!=`object`||!t)throw new d(`INVALID_DATA`,`a session's data is an object`,{outcome:`not-applied`});let n=ge(t);if(n!==void 0)throw new d(`INVALID_DATA`,`a session can't have a field called ${n}`,{outcome:`not-applied`});if(e===void 0)return t;let r=ve(e,t);if(x(r)||r instanceof Promise)throw new d(`INVALID_ARGUMENT`,`schema must be synchronous`,{outcome:`not-applied`});if(r.issues===void 0)return r.value;throw new d(`INVALID_DATA`,`the data does not satisfy the schema at ${be(r.issues)}`,{outcome:`not-applied`,cause:r.issues})}function ve(e,t){try{return e[`~standard`].validate(t)}catch(e){throw new d(`INVALID_DATA`,`the schema threw`,{outcome:`not-applied`,cause:e})}}function ye(e,t,n){let r;try{r=e(t,n)}catch(e){throw new d(`INVALID_DATA`,`migrate failed for data of schema version ${n}`,{cause:e})}if(x(r))throw new d(`INVALID_ARGUMENT`,`migrate must be synchronous`);return r}function be(e){let t=e.slice(0,5).map(({path:e})=>e?.map(xe).join(`.`).slice(0,64)??``);return[...new Set(t)].map(e=>e===``?`the top`:e).join(`, `)}function xe(e){return String(typeof e==`object`&&e&&`key`in e?e.key:e)}const Se=/^[A-Za-z0-9_-]{1,64}$/,Ce=/^([A-Za-z0-9_-]{22})([.~])([A-Za-z0-9_-]{43})$/,we=[];function C(e){return typeof e==`string`&&Se.test(e)}const w=Buffer.alloc(2048);let T=w.length;function Te(e){T+e>w.length&&(a(w),T=0);let t=T+e,n=w.toString(`base64url`,T,t);return w.fill(0,T,t),T=t,n}function Ee(){return Te(16)}function E(){return Te(32)}function D(e){return r(`sha256`,e,`base64url`)}function De(e,t){return e+`.`+t}function Oe(e,t){return e+`~`+t}function ke(e){if(e.length!==66)return;let{1:t,2:n,3:r}=Ce.exec(e)??we;if(t!==void 0&&r!==void 0)return{id:t,digest:D(r),renews:n===`~`}}function Ae(e={}){m(`queryToken`,e,[`parameter`]);let{parameter:t=`token`}=e;return{read:e=>je(e.url,t)}}function je(e,t){let n=e.indexOf(`?`);if(n<0||e.length>16384)return;let r=e.slice(n+1);if(/[%+?]/.test(r))return new URLSearchParams(r).get(t)??void 0;for(let e of r.split(`&`)){let n=e.indexOf(`=`);if((n<0?e:e.slice(0,n))===t&&e!==``)return n<0?``:e.slice(n+1)}}function Me(e,t){let{store:n,schema:r,schemaVersion:i,idleMs:a,absoluteMs:o,exclusive:s}=e.settings,{id:c,subject:l,hold:u}=t,d=t.token?E():void 0,f=t=>{if(t.type!==`created`)throw Ne(t.type);return e.diagnostics.sessionsCreated+=1,{id:c,stored:t.session,token:d===void 0?void 0:De(c,d)}},p=n.create({id:c,digest:d===void 0?void 0:D(d),data:S(r,t.data),subject:l,schemaVersion:i,idleMs:a,absoluteMs:o,hold:u,exclusive:s&&u});return`type`in p?f(p):Promise.resolve(p).then(f,e=>{throw _(e)})}function Ne(e){let t=`not-applied`;switch(e){case`full`:return new d(`STORE_FULL`,`the store is full of sessions with live connections`,{outcome:t});case`revoked`:return new d(`REVOKED`,`the subject's sessions were destroyed meanwhile`,{outcome:t});case`exists`:return new d(`STORE_UNAVAILABLE`,`the store has a session of this random id already`,{outcome:t})}}function O(e,t){return{type:`refused`,status:e,reason:t}}async function Pe(e,t,{sessionId:n,subject:r}){let{settings:i,diagnostics:a}=e,{store:o,token:s,idleMs:c,exclusive:l}=i,u=n===void 0?[s?.readRenewal?.(t),s?.read(t)]:[{id:n}],d=!1;for(let t of u){if(t===void 0)continue;d=!0;let n=Fe(t);if(n===void 0){a.tokensMalformed+=1;continue}let{id:i,digest:s}=n,u=n.renews?E():void 0,f,p;try{let t=e.known(i),n=u===void 0?void 0:D(u);f=await o.resume({id:i,digest:s,nextDigest:n,subject:r,idleMs:c,hold:!0,exclusive:l}),f.type===`resumed`&&(p=e.adopt(i,f.session,t))}catch(t){return f!==void 0&&await o.release(i),ze(e,t,i)}if(f.type!==`resumed`)Re(e,f.type,i);else if(p!==void 0)return Ie(e,p,f,u)}return d&&i.onBadToken===`refuse`?O(401,`session token refused`):{}}function Fe(e){if(typeof e==`string`)return ke(e);let{id:t}=e;return C(t)?{id:t,digest:void 0,renews:!1}:void 0}function Ie(e,t,{session:n,by:r},i){let{fence:a,absoluteInMs:o}=n,s=Le(e,{state:t,fence:a,resumed:!0,token:r===`renewal`&&i!==void 0?De(t.id,i):void 0},o);return e.diagnostics.sessionsResumed+=1,s}function Le(e,t,n){let{token:r}=t;if(r===void 0)return{session:t};try{let i=e.settings.token?.write?.(r,n);return i!==void 0&&pe(i[0],i[1]),i===void 0?{session:t}:{session:{...t,token:void 0},header:i}}catch(n){throw e.giveBack(t),n}}function Re(e,t,n){let{settings:r,diagnostics:i}=e;switch(t){case`missing`:i.tokensUnknown+=1;return;case`wrong`:i.tokensWrong+=1;return;case`foreign`:i.tokensForeign+=1;return;case`stolen`:i.tokensStolen+=1,e.report(/* @__PURE__ */ Error(`a session's previous token was presented after its grace`),{stage:`theft`,sessionId:n}),r.destroyOnTheft&&e.destroyStolen(n)}}function ze(e,t,n){if(!p(t))throw t;return e.report(t,{stage:`store`,sessionId:n}),e.settings.onCorruptRecord===`fresh`?{}:O(503,`session can't be read`)}async function Be(e,t,n){let{settings:r}=e,i=`admit`,a={};try{let o=We(t,r);if(!ce(r.origins,o))return O(403,`origin not allowed`);let s=r.admit===void 0?oe():r.admit(o),c=b(s)?await s:s;if(c?.type===`reject`)return se(c.status,c.reason),O(c.status,c.reason);He(c);let{subject:l}=c,u=Object.entries(c.headers??{});for(let[e,t]of u)pe(e,t);if(i=`store`,a=await Pe(e,t,c),`type`in a)return a;let d;return a.session===void 0&&r.initial!==void 0&&(i=`initial`,d=S(r.schema,await r.initial(o)),r.store.capabilities.resumable&&(i=`store`,a=await Ge(e,d,l))),a.header!==void 0&&u.push(a.header),i=`transport`,{type:`admitted`,handshake:o,transport:Ve(r,o,n),headers:u,session:a.session,initial:d,subject:l}}catch(t){return`session`in a&&a.session!==void 0&&e.giveBack(a.session),e.report(t,{stage:i}),Ue(t)}}function Ve(e,t,n){if(e.transport===void 0)return n;let r=e.transport(t,n);if(x(r))throw new d(`INVALID_ARGUMENT`,`transport must be synchronous`);return r}function He(e){if(e?.type!==`accept`)throw new d(`INVALID_ARGUMENT`,`admit answers with accept(…) or reject(…)`);let{type:t,...n}=e;oe(n);let{subject:r}=n;if(r!==void 0&&(typeof r!=`string`||r===``))throw new d(`INVALID_ARGUMENT`,`accept() takes a subject's name, a string that is not empty`)}function Ue(e){return f(e,`STORE_UNAVAILABLE`)?O(503,`session store unavailable`):f(e,`STORE_FULL`)?O(503,`too many sessions`):f(e,`REVOKED`)?O(401,`sessions revoked`):O(500,`internal error`)}function We(e,t){let{token:n}=t,r=e=>n?.isTokenProtocol?.(e)===!0;if(!e.protocols.some(r))return e;let i=e.protocols.filter(e=>!r(e)),a=Object.create(null);return Object.assign(a,e.headers,{"sec-websocket-protocol":i.join(`, `)}),{...e,protocols:i,headers:a}}async function Ge(e,t,n){let{id:r,stored:i,token:a}=await Me(e,{id:Ee(),data:t,subject:n,hold:!0,token:e.settings.token!==void 0});return Le(e,{state:e.adoptNew(r,i),fence:i.fence,resumed:!1,token:a},e.settings.absoluteMs)}var Ke=class{#e=[];#t=0;#n=0;get size(){return this.#e.length-this.#t}push(e){this.#e.push(e),this.#n+=e.length}shift(){let e=this.#e[this.#t];if(e!==void 0)return this.#e[this.#t]=void 0,this.#t+=1,this.#n-=e.length,this.#t===this.#e.length?this.clear():this.#t>1024&&this.#t*2>this.#e.length&&(this.#e=this.#e.slice(this.#t),this.#t=0),e}clear(){let{size:e}=this;return this.#e=[],this.#t=0,this.#n=0,e}exceeds(e){return this.size>e.maxMessages||this.#n>e.maxBytes}isHigh(e){return this.size*2>e.maxMessages||this.#n*2>e.maxBytes}};const k={Ready:0,Opening:1,Gated:2,Busy:4,Queued:8,Discarding:16,Ended:32,GivenUp:64,Finished:128,Scheduled:256,Active:512},qe=k.Opening|k.Gated,Je=k.Opening|k.Busy|k.Queued;var Ye=class{#e=k.Ready;#t=void 0;#n=void 0;#r=void 0;get active(){return(this.#e&k.Active)!==0}set active(e){this.#e=e?this.#e|k.Active:this.#e&~k.Active}get hasEnded(){return(this.#e&k.Ended)!==0}get isEnding(){return(this.#e&(k.Discarding|k.Ended))!==0}start(e){this.#e|=k.Opening,this.context.settings.gate===`session`&&!this.hasSession&&(this.#e|=k.Gated);let t=!1;try{let n=re(this.callOpen(e));n?.then(()=>this.settled(k.Opening),e=>{this.failed(`open`,e),this.settled(k.Opening)}),t=n!==void 0}catch(e){this.failed(`open`,e)}t||this.clear(k.Opening),this.watchEarly()}openGate(){this.clear(k.Gated)}receive(e,t=!1){this.#e|=k.Active,(this.#e&255)===k.Ready?this.deliver(e):(this.#e&k.Discarding)===0?this.hold(t&&typeof e!=`string`?Buffer.from(e):e):this.context.diagnostics.messagesDiscarded+=1}deliver(e){this.#e|=k.Busy;try{let t=re(this.callMessage(e));if(t!==void 0){let{onSettled:e,onFailed:n}=this.waits;t.then(e,n);return}}catch(e){this.failed(`message`,e)}this.#e&=~k.Busy,(this.#e&255)!==k.Ready&&this.later()}hold(e){let{runtime:t,settings:n,diagnostics:r,deadlines:i}=this.context,{waits:a}=this,{inbox:o}=a,s=!this.hasSession||(this.#e&qe)!==0,c=s?n.early:n.inbox;o.push(e),this.#e|=k.Queued,o.exceeds(c)&&(s||o.size>1)?(r.limitsExceeded+=1,this.hasSession?this.end(v.InboxFull,`too many messages waiting`):this.end(v.EarlyLimit,`too much before the session`)):o.isHigh(c)&&a.pause===void 0&&t.pause!==void 0&&(a.pause=i.after(n.handlerTimeoutMs,()=>this.unpause()),t.pause(this.socket))}unpause(){let e=this.#t;e?.pause!==void 0&&(e.pause.cancel(),e.pause=void 0,this.hasEnded||this.context.runtime.resume?.(this.socket))}advance(){for(;(this.#e&(qe|k.Busy))===0;){let e=this.#t?.inbox.shift();if(e===void 0)break;this.#t?.inbox.size===0&&this.emptied(),this.deliver(e)}(this.#e&(k.Ended|k.Gated))===(k.Ended|k.Gated)&&(this.#e&k.Opening)===0&&this.discard(),((this.#e&Je)===0||(this.#e&k.GivenUp)!==0)&&(this.#e&(k.Ended|k.Finished))===k.Ended&&this.finish()}emptied(){this.#e&=~k.Queued,this.unpause()}later(){(this.#e&k.Scheduled)===0&&(this.#e|=k.Scheduled,queueMicrotask(()=>{this.#e&=~k.Scheduled,this.advance()}))}get waits(){return this.#t??={inbox:new Ke,pause:void 0,onSettled:()=>this.settled(k.Busy),onFailed:e=>{this.failed(`message`,e),this.settled(k.Busy)}}}settled(e){this.#e&=~e,e===k.Opening&&this.cancelEarly(),(this.#e&255)!==k.Ready&&this.advance()}clear(e){this.#e&=~e,this.cancelEarly(),(this.#e&255)!==k.Ready&&this.later()}failed(e,t){this.context.report(t,{stage:e,connection:this.api}),f(t,`STORE_UNAVAILABLE`)?this.end(v.StoreUnavailable,`store unavailable`):this.end(v.HandlerFailed,`handler failed`)}watchEarly(){let{timeoutMs:e}=this.context.settings.early;this.isEarly()&&e!==1/0&&(this.#e&k.Discarding)===0&&(this.#n=this.context.deadlines.after(e,()=>this.end(v.SessionTimeout,`session not set in time`)))}isEarly(){return!this.hasSession||(this.#e&k.Opening)!==0}cancelEarly(){this.#n===void 0||this.hasEnded||this.isEarly()||(this.#n.cancel(),this.#n=void 0)}terminate(){this.hasEnded||(this.#r??={code:1006,reason:``},this.stop(),this.context.runtime.terminate(this.socket))}end(e,t){if((this.#e&k.Discarding)!==0)return;let n=this.hasEnded,r=ne(t);n||(this.#r={code:e,reason:r}),this.stop(),n?this.later():this.context.runtime.close(this.socket,e,r)}stop(){this.#e|=k.Discarding,this.discard(),this.hasEnded||this.#n?.cancel(),this.unpause()}discard(){this.context.diagnostics.messagesDiscarded+=this.#t?.inbox.clear()??0,this.#e&=~k.Queued}ended(e,t){if(!this.hasEnded){if(this.#e|=k.Ended,this.#r??={code:e,reason:t},this.#n?.cancel(),this.#n=void 0,this.unpause(),this.left(),(this.#e&Je)!==0){let{deadlines:e,settings:t}=this.context;this.#n=e.after(t.handlerTimeoutMs,()=>this.giveUp())}this.later()}}giveUp(){(this.#e&k.Finished)===0&&(this.#e|=k.GivenUp|k.Discarding,this.discard(),this.advance())}finish(){this.#e|=k.Finished|k.Discarding,this.#n?.cancel();let e=e=>this.context.report(e,{stage:`close`,connection:this.api}),t;try{let e=this.callClose(this.#r??{code:1006,reason:``});b(e)&&(t=new Promise(t=>t(e)))}catch(t){e(t)}if(t===void 0)return this.finished();let{deadlines:n,settings:r}=this.context,i=n.after(r.handlerTimeoutMs,()=>this.finished());t.catch(e).finally(()=>{i.cancel(),this.finished()})}};function Xe(e,t){let n=e.data,r=n,i=t.filter(t=>{try{r=e.protect(e.check($e(t.kind,r)))}catch(e){return t.reject(e),!1}return t.result=r,!0}),a=i.some(({kind:e})=>e.type===`update`),o=e.isOtherVersion,s=!o&&i.every(({kind:e})=>e.type===`patch`)?Qe(r,Ze(i)):{type:`replace`,data:r,base:a&&!o?n:void 0};return{request:{id:e.id,change:s,expect:a||o?e.version:void 0,known:e.version,lineage:e.lineage,fence:t[0]?.fence,schemaVersion:e.context.settings.schemaVersion},next:r,asked:e.mark,writes:i}}function Ze(e){let t=/* @__PURE__ */ new Set;for(let{kind:n}of e)if(n.type===`patch`)for(let e of Object.keys(n.fields))t.add(e);return t}function Qe(e,t){let n=new Map(Object.entries(e)),r={},i=[];for(let e of t)n.has(e)?r[e]=n.get(e):i.push(e);return{type:`fields`,set:r,unset:i}}function $e(e,t){if(e.type===`set`)return e.data;if(e.type===`patch`)return et(t,e.fields);let n=e.change(t);if(typeof n!=`object`||!n||x(n))throw new d(`INVALID_ARGUMENT`,`update takes a synchronous function that returns the next data`,{outcome:`not-applied`});return n}function et(e,t){if(typeof t!=`object`||!t||Array.isArray(t))throw new d(`INVALID_DATA`,`patch takes an object of fields`,{outcome:`not-applied`});let n=ge(t);if(n!==void 0)throw new d(`INVALID_DATA`,`a session can't have a field called ${n}`,{outcome:`not-applied`});let r=Object.entries(t);return he(e,{type:`fields`,set:Object.fromEntries(r.filter(([,e])=>e!==void 0)),unset:r.filter(([,e])=>e===void 0).map(([e])=>e)})}const tt=1e3,nt=Promise.resolve();var rt=class{#e;#t=[];#n=[];#r=!1;#i=!1;#a;constructor(e){this.#e=e}write(e){if(this.#e.gone)return Promise.reject(h());let{kind:t,writer:n,fence:r}=e,i=new Promise((e,i)=>{this.#t.push({kind:t,writer:n,fence:r,single:!1,result:void 0,resolve:e,reject:i})});return this.#e.context.store.capabilities.shared?!this.#i&&!this.#r&&(this.#i=!0,nt.then(this.#o)):this.#l(),i}alone(e){let t=new Promise((t,n)=>{this.#n.push(async()=>{try{t(await e())}catch(e){n(_(e))}})});return this.#l(),t}#o=()=>{this.#i=!1,this.#l()};#s=e=>{let t=this.#f();t!==void 0&&this.#h(t.plan,e,t.tries),this.#l()};#c=e=>{let t=this.#f();t!==void 0&&this.#v(t.plan,e),this.#l()};#l(){for(;!this.#r;){let e=this.#n.shift();if(e!==void 0)this.#u(e());else if(this.#t.length>0)this.#m(this.#p(),1);else return}}#u(e,t){this.#d();let n=()=>{this.#f(),t?.(),this.#l()};e.then(n,n)}#d(){this.#r=!0,this.#e.context.begin()}#f(){let e=this.#a;return this.#a=void 0,this.#r=!1,this.#e.context.end(),e}#p(){let[e]=this.#t,t=e?.single===!0?1:this.#t.findIndex(t=>t.single||t.fence!==e?.fence);if(t>=0)return this.#t.splice(0,t);let n=this.#t;return this.#t=[],n}#m(e,t){let n=this.#e;if(n.gone)return A(e,h());this.#r=!0;let r=Xe(n,e);if(this.#r=!1,r.writes.length===0)return;let{store:i,diagnostics:a}=n.context;a.writes+=1,t>a.writeTriesMax&&(a.writeTriesMax=t);let o;try{o=i.write(r.request)}catch(e){return this.#v(r,e)}if(`type`in o)return this.#h(r,o,t);this.#a={plan:r,tries:t},this.#d(),o.then(this.#s,this.#c)}#h(e,t,n){let r=this.#e,{writes:i,next:a}=e;switch(t.type){case`written`:this.#g(e,t);for(let e of i)e.resolve(e.result??a);return;case`conflict`:return this.#_(e,t,n);case`missing`:return r.vanish({code:4410,reason:`session gone`}),A(i,h());case`fenced`:return r.replace((e.request.fence??0)+1),A(i,g())}}#g(e,t){let n=this.#e;try{t.session===void 0?n.advance(e.asked,t,e.next,it(e.writes)):n.adopt(t.session,e.asked)}catch(e){n.context.report(e,{stage:`store`,sessionId:n.id})}}#_(e,t,n){let{writes:r}=e;this.#e.context.diagnostics.conflicts+=1;try{this.#e.adopt(t.session,e.asked)}catch(e){return A(r,e)}if(n>=tt)return A(r,at());if(n<4)return this.#m(r,n+1);let i=Math.random()*Math.min(32,2**(n-4+1));this.#u(s(i),()=>this.#m(r,n+1))}#v(e,t){let{writes:n}=e;f(t,`SESSION_GONE`)&&this.#e.vanish({code:4410,reason:`session gone`}),(f(t,`NOT_SERIALISABLE`)||f(t,`TOO_LARGE`))&&n.length>1?this.#t.unshift(...n.map(e=>({...e,single:!0}))):A(n,_(t))}};function it(e){let t=e[0]?.writer;return e.every(e=>e.writer===t)?t:void 0}function A(e,t){for(let n of e)n.reject(t)}function at(){return new d(`CONFLICT`,`other writers came first ${tt} times`,{outcome:`not-applied`})}var ot=class{#e;#t;constructor(e,t){this.#e=e,this.#t=t}get id(){return this.#e.id}get data(){return this.#e.data}get version(){return this.#e.version}get subject(){return this.#e.subject}get connections(){return[...this.#e.holders()].map(e=>e.api)}async set(e){await this.#n({type:`set`,data:e})}async patch(e){await this.#n({type:`patch`,fields:e})}update(e){return this.#n({type:`update`,change:e})}async refresh(){return await this.#a(()=>this.#e.read()),this.#e.data}async touch(){let{idleMs:e}=this.#e.context.settings;await this.#r(e,void 0)}async extend(){let{idleMs:e,absoluteMs:t}=this.#e.context.settings;await this.#r(e,t)}identify(e){if(typeof e!=`string`||e===``)throw new d(`INVALID_ARGUMENT`,`identify takes the subject's name, a string that is not empty`);return this.#i(e,0)}rotate(){return this.#i(void 0,this.#e.context.settings.graceMs)}async destroy(e){let t=this.#e;if(t.gone)return!1;let n=await this.#a(()=>t.context.store.destroy(t.id,e,!1));return t.vanish({code:4410,reason:e??`session destroyed`}),n.destroyed.length>0}#n(e){let t=this.#o();return t===void 0?st(this.#e).write({kind:e,writer:this.#t,fence:this.#s}):Promise.reject(t)}async#r(e,t){let n=this.#e;if(!await this.#a(()=>n.context.store.touch(n.id,e,t)))throw n.vanish({code:4419,reason:`session expired`}),h();n.context.deadlinesMoved(n,e,t)}async#i(e,t){let n=this.#o();if(n!==void 0)throw n;let r=this.#e,i=E(),a=E(),o=r.mark,s=await st(r).alone(()=>{if(r.gone)throw h();return o=r.mark,r.context.store.rotate({id:r.id,digest:D(i),renewalDigest:D(a),renewalMs:r.context.settings.graceMs,graceMs:t,subject:e,fence:this.#s,known:r.version,lineage:r.lineage})});if(s.type===`missing`)throw r.vanish({code:4410,reason:`session gone`}),h();if(s.type===`fenced`)throw g();if(s.type===`revoked`)throw new d(`REVOKED`,`the subject's sessions were destroyed meanwhile`,{outcome:`not-applied`});return s.session===void 0?e!==void 0&&r.identified(o,s,e):r.adopt(s.session,o),{token:De(r.id,i),renewalCode:Oe(r.id,a)}}async#a(e){let t=this.#o();if(t!==void 0)throw t;try{return await e()}catch(e){throw _(e)}}#o(){return this.#e.gone?h():this.#t!==void 0&&this.#t.fence<this.#e.fence?g():void 0}get#s(){return this.#t===void 0||this.#t.fence===0?void 0:this.#t.fence}};function st(e){return e.writes??=new rt(e)}const ct=Date.now();var lt=class{remoteAddress;encrypted;data;#e;constructor(e,t,n,r){this.remoteAddress=e,this.encrypted=t,this.data=r,this.#e=n}get openedAt(){return ct+this.#e}};function ut(){let e=Date.now()-ct,t=e|0;return t===e?t:e}var dt=class{#e=/* @__PURE__ */ new Set;wait(e,t,n){if(typeof t!=`number`||Number.isNaN(t))throw new d(`INVALID_ARGUMENT`,`timeoutMs is milliseconds, not ${t}`);return t<0?Promise.reject(ft(t)):new Promise((r,i)=>{let a,o=()=>{a?.cancel(),n?.removeEventListener(`abort`,c),this.#e.delete(s)},s={resolve(e){o(),r(e)},reject(e){o(),i(e)}},c=()=>s.reject(n?.reason);n?.addEventListener(`abort`,c),t>0&&t<1/0&&(a=e.after(t,()=>s.reject(ft(t)))),this.#e.add(s)})}resolve(e){for(let t of[...this.#e])t.resolve(e)}reject(e){for(let t of[...this.#e])t.reject(e)}};function ft(e){return new d(`READY_TIMEOUT`,`the session was not set within ${e} ms`)}var pt=class extends Ye{context;socket;number;fence=0;resumed=!1;token=void 0;#e;#t;#n=ut();#r;#i=!1;#a=void 0;#o=void 0;#s=void 0;constructor(e,t,n,{remoteAddress:r,encrypted:i},a){super(),this.context=e,this.socket=t,this.number=n,this.#e=r,this.#t=i,this.#r=a}get transport(){let e=this.#r;if(e instanceof lt)return e;let t=new lt(this.#e,this.#t,this.#n,e);return this.#r=t,t}get id(){return`${this.context.prefix}-${this.number.toString(36)}`}get runtime(){return this.context.runtime.name}get api(){return this}get session(){return this.ownSession()??void 0}get subject(){return this.#s?.subject}set subject(e){e!==void 0&&(this.expectation.subject=e)}get expectation(){return this.#s??={subject:void 0,waiters:void 0,setting:void 0}}get state(){return this.#a}get hasSession(){return this.#a!==void 0}setSession(e){if(this.isEnding)return Promise.reject(j());let t=this.ownSession();if(t!==void 0)return t.set(e).then(()=>t);let n=this.#s?.setting;if(n!==void 0){let t=()=>this.setSession(e);return n.then(t,t)}return this.create(e)}async create(e){let t=this.context.createFor(this,e);if(t!==void 0){this.expectation.setting=Promise.resolve(t);try{await t}finally{this.expectation.setting=void 0}}let n=this.ownSession();if(n===void 0)throw j();return n}attach(e,t){this.#a=e,this.fence=t,e.hold(this),this.#s?.waiters?.resolve(this.handleOf(e)),this.openGate()}ready(e={}){let{deadlines:t,settings:n}=this.context,{signal:r,timeoutMs:i=n.early.timeoutMs}=e;if(r?.aborted===!0)return Promise.reject(r.reason);let a=this.ownSession();return a===void 0?this.hasEnded?Promise.reject(j()):(this.expectation.waiters??=new dt).wait(t,i,r):Promise.resolve(a)}ownSession(){return this.#a===void 0?void 0:this.handleOf(this.#a)}handleOf(e){return this.#o??=new ot(e,this)}send(e){if(typeof e!=`string`&&!o(e))throw new d(`INVALID_ARGUMENT`,`send takes a string or a Uint8Array`);if(this.isEnding)return`closed`;let{runtime:t,settings:n,diagnostics:r}=this.context;if(this.#i){let i=t.bufferedAmount(this.socket),a=typeof e==`string`?Buffer.byteLength(e):e.byteLength;if(i>0&&i+a>n.maxBufferedBytes)return r.sendsDropped+=1,`dropped`}let i=t.send(this.socket,e);return i===`queued`&&!this.#i?(this.#i=!0,t.awaitDrain(this.socket)):i===`dropped`&&(r.sendsDropped+=1),i}get bufferedAmount(){return this.hasEnded?0:this.context.runtime.bufferedAmount(this.socket)}drained(){if(!this.#i)return;this.#i=!1;let{handlers:e}=this.context;e.drain!==void 0&&!this.hasEnded&&this.tell(`drain`,()=>e.drain?.(this))}heartbeat(){this.hasEnded||this.context.runtime.heartbeat(this.socket)}changed(e){let{handlers:t}=this.context;t.change!==void 0&&!this.isEnding&&this.tell(`change`,()=>t.change?.(this,e))}expiring(e){let{handlers:t}=this.context;t.expiring!==void 0&&!this.isEnding&&this.tell(`expiring`,()=>t.expiring?.(this,e))}tell(e,t){try{let n=t();b(n)&&Promise.resolve(n).catch(t=>this.failed(e,t))}catch(t){this.failed(e,t)}}close(e=1e3,t=``){ee(e,t),this.end(e,t)}callOpen(e){return this.context.handlers.open?.(this,e)}callMessage(e){return this.context.handlers.message?.(this,e)}callClose(e){return this.context.handlers.close?.(this,e)}left(){this.context.left(this),this.#s?.waiters?.reject(j())}finished(){this.context.finished(this)}};function j(){return new d(`CONNECTION_CLOSED`,`the connection has ended`)}var mt=class{runtime;handlers;settings;deadlines;diagnostics;prefix;#e;#t=/* @__PURE__ */ new Map;#n=/* @__PURE__ */ new Set;#r=0;#i=0;#a;#o;opening;constructor(e,t,n){this.#e=e,this.runtime=t,this.handlers=n,this.settings=e.home.settings,this.diagnostics=e.home.diagnostics,this.deadlines=e.deadlines,this.prefix=e.connections.prefix,this.settings.heartbeatMs>0&&this.#u()}get size(){return this.#r}get heartbeatMs(){return this.settings.heartbeatMs}get#s(){return this.#a!==void 0||this.#e.isClosing}async admit(e,t){let{diagnostics:n,settings:r}=this;if(this.#s)return this.#l(503,`server restarting`);if(n.handshakesPending>=r.maxPendingHandshakes)return this.#l(503,`too many handshakes`);n.handshakesPending+=1;let i=await this.#c(e,t);if(--n.handshakesPending,i.type===`refused`)return this.#l(i.status,i.reason);if(this.#s)return i.session!==void 0&&this.#e.home.giveBack(i.session),this.#l(503,`server restarting`);let a={handshake:i.handshake};return this.#t.set(a,i),{type:`accept`,ticket:a,headers:i.headers,protocols:i.handshake.protocols}}#c(e,t){let{home:n}=this.#e,{handshakeTimeoutMs:r}=this.settings;return new Promise(i=>{let a=e=>{o?.cancel(),this.#n.delete(a),i(O(503,e))},o=r===1/0?void 0:this.deadlines.after(r,()=>a(`admission took too long`));this.#n.add(a),Be(n,e,t).then(e=>{o?.cancel(),this.#n.delete(a)?i(e):e.type===`admitted`&&e.session!==void 0&&n.giveBack(e.session)})})}#l(e,n){return this.diagnostics.handshakesRefused+=1,{type:`reject`,status:e,reason:n===``?t[e]??`Refused`:n}}abandon(e){let t=this.#t.get(e);t!==void 0&&(this.#t.delete(e),this.diagnostics.handshakesAbandoned+=1,t.session!==void 0&&this.#e.home.giveBack(t.session))}open(e,t){let n=this.#t.get(t);if(n===void 0)throw new d(`INVALID_ARGUMENT`,`this ticket was used already`);this.#t.delete(t);let{handshake:r,session:i,initial:a}=n,{home:o,connections:s}=this.#e,c=s.nextNumber(),l=new pt(this,e,c,r,n.transport);this.diagnostics.handshakesAccepted+=1,this.diagnostics.connectionsOpened+=1,s.add(l),this.#i+=1,this.#r+=1;try{i===void 0?a===void 0?l.subject=n.subject:o.createFor(l,a,n.subject):(l.resumed=i.resumed,o.attach(l,i))}catch(e){this.report(e,{stage:`initial`,connection:l}),l.end(v.HandlerFailed,`initial failed`)}return this.opening=l,l.start(r),this.opening=void 0,this.#s&&l.end(v.Restarting,`server restarting`),l}report(e,t={stage:`adapter`}){this.#e.home.report(e,t)}createFor(e,t){return this.#e.home.createFor(e,t,e.subject)}left(e){--this.#r,this.diagnostics.connectionsClosed+=1,this.#e.connections.ended();let{state:t}=e;t!==void 0&&(t.release(e),this.#e.home.leave(t.id))}finished(e){this.#e.connections.remove(e)&&(--this.#i,e.state!==void 0&&this.#e.home.drop(e.state),this.#i===0&&this.#o?.())}#u(){let{heartbeatMs:e}=this.settings,t=performance.now()+e;this.deadlines.after(e,()=>{if(!(performance.now()-t>e/2))for(let e of this.#e.connections.of(this))e.heartbeat();this.#s||this.#u()})}close(e={}){let t=te(e);return this.#a??=this.#d(t)}async#d({code:e,reason:t,drainMs:n}){for(let e of this.#n)e(`server restarting`);let r=[...this.#e.connections.of(this)],i=Math.max(1,Math.floor(n/50)),a=Math.ceil(r.length/i);for(let o=0;o<r.length;o+=a){o>0&&await this.#f(n/i);for(let n of r.slice(o,o+a))n.end(e,t)}if(this.#i===0)return;let o=new Promise(e=>{this.#o=e}),s=this.deadlines.after(2e3,()=>{for(let e of this.#e.connections.of(this))e.terminate()});await o,s.cancel()}#f(e){return new Promise(t=>{this.deadlines.after(e,t)})}},ht=class{prefix=i(6).toString(`base64url`);#e=/* @__PURE__ */ new Map;#t=0;#n=0;get size(){return this.#n}*[Symbol.iterator](){for(let e of this.#e.values())e.hasEnded||(yield e)}*of(e){for(let t of this.#e.values())t.context===e&&(yield t)}nextNumber(){return this.#t+=1}add(e){this.#e.set(e.number,e),this.#n+=1}ended(){--this.#n}remove(e){return this.#e.delete(e.number)}find(e){if(!e.startsWith(`${this.prefix}-`))return;let t=this.#e.get(Number.parseInt(e.slice(this.prefix.length+1),36));return t?.id===e?t:void 0}},gt=class{at;run;#e;constructor(e,t,n){this.at=e,this.run=t,this.#e=n}cancel(){this.run!==void 0&&(this.run=void 0,this.#e())}};const _t=2**31-1;var vt=class{#e=[];#t=0;#n;#r=1/0;after(e,t){let n=new gt(performance.now()+e,t,this.#i);return this.#c(n),n.at<this.#r&&this.#o(n.at),n}get size(){return this.#e.length}clear(){this.#e.length=0,this.#t=0,clearTimeout(this.#n),this.#r=1/0}#i=()=>{this.#t+=1;for(let e=this.#e[0];e!==void 0&&e.run===void 0;e=this.#e[0])this.#l(),--this.#t;this.#e.length===0?this.clear():this.#t>=64&&this.#t>this.#e.length/2&&this.#a()};#a(){let e=this.#e.filter(e=>e.run!==void 0);this.#e.length=0,this.#t=0;for(let t of e)this.#c(t)}#o(e){clearTimeout(this.#n),this.#r=e;let t=Math.min(_t,Math.max(0,Math.ceil(e-performance.now())));this.#n=setTimeout(()=>this.#s(),t),this.#n.unref()}#s(){this.#r=1/0;let e=performance.now();for(let t=this.#e[0];t!==void 0;t=this.#e[0]){if(t.run!==void 0&&t.at>e){this.#o(t.at);return}this.#l();let{run:n}=t;t.run=void 0,n===void 0?--this.#t:n()}}#c(e){let t=this.#e,n=t.push(e)-1;for(;n>0;){let r=n-1>>1,i=t[r];if(i===void 0||i.at<=e.at)break;t[n]=i,n=r}t[n]=e}#l(){let e=this.#e,t=e.pop();if(t===void 0||e.length===0)return;let n=0;for(;;){let r=2*n+1,i=e[r];if(i===void 0)break;let a=e[r+1],o=i;if(a!==void 0&&a.at<i.at&&(o=a,r+=1),t.at<=o.at)break;e[n]=o,n=r}e[n]=t}};function yt(){return{handshakesPending:0,handshakesAccepted:0,handshakesRefused:0,handshakesAbandoned:0,connectionsOpened:0,connectionsClosed:0,messagesDiscarded:0,sendsDropped:0,limitsExceeded:0,sessionsCreated:0,sessionsResumed:0,tokensWrong:0,tokensMalformed:0,tokensUnknown:0,tokensForeign:0,tokensStolen:0,writes:0,conflicts:0,writeTriesMax:0,rereads:0,storeLosses:0}}const bt={destroyed:[],closed:0,unreachable:[]};function xt(){let e,t=t=>e?.held(t);function n(e){let n=t(e.id);if(n===void 0)return{type:`missing`};if(e.fence!==void 0&&e.fence<n.fence)return{type:`fenced`};if(e.expect!==void 0&&e.expect!==n.version)return{type:`conflict`,session:n};let r=n.version+1;if(r===e.known+1)return{type:`written`,version:r,session:void 0};let i=he(n.data,e.change);return{type:`written`,version:r,session:{...n,version:r,data:i}}}return{capabilities:{resumable:!1,shared:!1,values:`any`},attach(t){if(e!==void 0)throw new d(`INVALID_ARGUMENT`,`this inConnectionStore() is in use already`);e=t},create(e){return t(e.id)===void 0?{type:`created`,session:{version:1,data:e.data,subject:e.subject,fence:+!!e.exclusive,schemaVersion:e.schemaVersion,idleInMs:e.idleMs,absoluteInMs:e.absoluteMs}}:{type:`exists`}},resume:()=>({type:`missing`}),load:t,write:n,touch:e=>t(e)!==void 0,rotate(e){let n=t(e.id);return n===void 0?{type:`missing`}:e.fence!==void 0&&e.fence<n.fence?{type:`fenced`}:e.subject===void 0?{type:`rotated`,version:n.version,session:void 0}:{type:`rotated`,version:n.version+1,session:void 0}},destroy:e=>t(e)===void 0?bt:{...bt,destroyed:[e]},release:()=>void 0,async*ids(){yield*e?.heldIds()??[]},bySubject:t=>St(e,t),destroySubject:t=>({...bt,destroyed:St(e,t)}),presence:()=>({nodes:[],missing:[]}),close:()=>void 0}}function St(e,t){return[...e?.heldIds()??[]].filter(n=>e?.held(n)?.subject===t)}const Ct=6e4;function wt(e){let t=e.store??xt();M(`store`,`what mapStore() or another store's function returned`,Tt(t,`capabilities`,`object`));let{token:n,schema:r}=e;n!==void 0&&M(`token`,`what cookieToken() or another carrier's function returned`,Tt(n,`read`,`function`)),r!==void 0&&M(`schema`,`a Standard Schema`,Tt(r,`~standard`,`object`));for(let t of[`admit`,`initial`,`transport`,`migrate`,`onError`])M(t,`a function`,e[t]===void 0||typeof e[t]==`function`);let i=t.capabilities.resumable;if(n!==void 0&&!i)throw new d(`INVALID_ARGUMENT`,`a token brings back a session that outlives its connection: it needs a store such as mapStore() or redisStore()`);let a={admit:e.admit,initial:e.initial,transport:e.transport,origins:Dt(e.origins),token:e.token,schema:e.schema,migrate:e.migrate,onError:e.onError,store:t,gate:jt(`gate`,e.gate,[`session`,`open`]),idleMs:N(`idleMs`,e.idleMs,i?30*Ct:1/0),absoluteMs:N(`absoluteMs`,e.absoluteMs,i?1440*Ct:1/0),expiringMs:N(`expiringMs`,e.expiringMs,Ct),early:{maxMessages:P(`early.maxMessages`,e.early?.maxMessages,1024),maxBytes:P(`early.maxBytes`,e.early?.maxBytes,262144),timeoutMs:kt(`early.timeoutMs`,e.early?.timeoutMs,1e4)},inbox:{maxMessages:P(`inbox.maxMessages`,e.inbox?.maxMessages,32768),maxBytes:P(`inbox.maxBytes`,e.inbox?.maxBytes,4194304)},maxBufferedBytes:P(`maxBufferedBytes`,e.maxBufferedBytes,16777216),maxPendingHandshakes:P(`maxPendingHandshakes`,e.maxPendingHandshakes,1e4),handshakeTimeoutMs:kt(`handshakeTimeoutMs`,e.handshakeTimeoutMs,1e4),maxConnectionsPerSession:P(`maxConnectionsPerSession`,e.maxConnectionsPerSession,1e3),heartbeatMs:e.heartbeatMs===0?0:N(`heartbeatMs`,e.heartbeatMs,3e4),handlerTimeoutMs:N(`handlerTimeoutMs`,e.handlerTimeoutMs,3e4),exclusive:e.exclusive??!1,onBadToken:jt(`onBadToken`,e.onBadToken,[`fresh`,`refuse`]),onCorruptRecord:jt(`onCorruptRecord`,e.onCorruptRecord,[`refuse`,`fresh`]),graceMs:N(`graceMs`,e.graceMs,3e4),destroyOnTheft:e.destroyOnTheft??!1,schemaVersion:At(e.schemaVersion)};return m(`createSessions`,e,Object.keys(a)),m(`early`,e.early??{},Object.keys(a.early)),m(`inbox`,e.inbox??{},Object.keys(a.inbox)),a}function M(e,t,n){if(!n)throw new d(`INVALID_ARGUMENT`,`${e} is ${t}`)}function Tt(e,t,n){if(typeof e!=`object`&&typeof e!=`function`||e===null)return!1;let r=Reflect.get(e,t);return typeof r===n&&r!==null}const Et=/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@]+$/;function Dt(e){if(e===void 0||typeof e==`function`)return e;let t=Array.isArray(e)?e.find(e=>!Ot(e)):e;if(t===void 0)return[...e];throw new d(`INVALID_ARGUMENT`,`origins lists origins such as "https://example.com" in an array, not ${JSON.stringify(t)}`)}function Ot(e){return typeof e==`string`?/^https?:/i.test(e)?URL.canParse(e)&&new URL(e).origin===e:e===`null`||Et.test(e):!1}function N(e,t,n){if(t===void 0)return n;if(!(t>0))throw new d(`INVALID_ARGUMENT`,`${e} is milliseconds above 0, not ${t}`);return t}function kt(e,t,n){return t===0?1/0:N(e,t,n)}function P(e,t,n){if(t===void 0)return n;if(!(t>=1))throw new d(`INVALID_ARGUMENT`,`${e} is a number from 1, not ${t}`);return t}function At(e=0){if(Number.isInteger(e)&&e>=0&&e<0x38d7ea4c68000)return e;throw new d(`INVALID_ARGUMENT`,`schemaVersion is an integer of 15 digits at most, not ${e}`)}function jt(e,t,n){let r=t??n[0];if(n.includes(r))return r;throw new d(`INVALID_ARGUMENT`,`${e} is one of ${n.join(`, `)}`)}var Mt=class{#e;#t;#n;#r=/* @__PURE__ */ new Map;constructor(e,t,n){this.#e=e,this.#t=t,this.#n=n}watch(e,t,n){if(t===1/0&&n===1/0)return this.unwatch(e);let r=performance.now(),i=r+n,a=this.#r.get(e),o=a??{idleAt:0,absoluteAt:i,warned:!1,check:void 0,checkAt:0};a===void 0&&this.#r.set(e,o),Math.abs(i-o.absoluteAt)>Math.min(1e3,this.#t.expiringMs/4)&&(o.warned=!1),o.idleAt=r+t,o.absoluteAt=i,this.#i(e,o)}move(e,t,n){let r=this.#r.get(e);r!==void 0&&this.watch(e,t,n??r.absoluteAt-performance.now())}join(e,t){this.#r.get(e)?.warned===!0&&this.#e.after(0,()=>{let{absoluteInMs:n}=this.left(e);n>0&&n<=this.#t.expiringMs&&this.#n.expiring(t,Math.round(n))})}unwatch(e){this.#r.get(e)?.check?.cancel(),this.#r.delete(e)}left(e){let t=this.#r.get(e);if(t===void 0)return{idleInMs:1/0,absoluteInMs:1/0};let n=performance.now();return{idleInMs:t.idleAt-n,absoluteInMs:t.absoluteAt-n}}#i(e,t,n=0){let r=performance.now(),{idleMs:i,expiringMs:a}=this.#t,o=t.warned?1/0:t.absoluteAt-a,s=t.idleAt-Math.min(1e3,i/20),c=r<s?s:t.idleAt,l=Math.min(r+i/10,c,t.absoluteAt,o),u=Math.max(l,r+n);t.check!==void 0&&t.checkAt<=u||(t.check?.cancel(),t.checkAt=u,t.check=this.#e.after(u-r,()=>{t.check=void 0,this.#a(e,t).catch(n=>{this.#n.report(_(n),{stage:`store`,sessionId:e.id}),this.#r.get(e)===t&&this.#i(e,t,1e3)})}))}async#a(e,t){let n=performance.now();if(!t.warned&&t.absoluteAt-this.#t.expiringMs<=n&&n<t.absoluteAt){t.warned=!0;for(let r of e.holders())this.#n.expiring(r,Math.round(t.absoluteAt-n))}if(n<t.absoluteAt&&Nt(e)){let{idleMs:t}=this.#t;await e.context.store.touch(e.id,t)?this.move(e,t,void 0):e.vanish({code:4419,reason:`session expired`})}else if(n>=Math.min(t.idleAt,t.absoluteAt)){let t=await e.context.store.load(e.id);t===void 0?e.vanish({code:4419,reason:`session expired`}):this.move(e,t.idleInMs,t.absoluteInMs)}else this.#i(e,t)}};function Nt(e){let t=!1;for(let n of e.holders())t||=n.active,n.active=!1;return t}const Pt=process.env.NODE_ENV!==`production`,F=/* @__PURE__ */ new WeakSet;var Ft=class{context;data;version;lineage;subject;fence;gone=!1;writes;#e;#t;constructor(e,t,n){this.context=e,this.#e=t,this.data=this.accept(n.data,n.schemaVersion),this.version=n.version,this.lineage=n.lineage??0,this.subject=n.subject,this.fence=n.fence,this.#t=void 0}get id(){return this.#e??=this.holders().next().value?.id??``}*holders(){this.#t instanceof Set?yield*[...this.#t]:this.#t!==void 0&&(yield this.#t)}get holderCount(){return this.#t instanceof Set?this.#t.size:this.#t===void 0?0:1}hold(e){this.#t===void 0?this.#t=e:this.#t instanceof Set?this.#t.add(e):this.#t=/* @__PURE__ */ new Set([this.#t,e])}release(e){this.#t===e?(this.#e??=e.id,this.#t=void 0):this.#t instanceof Set&&this.#t.delete(e)}check(e){return S(this.context.settings.schema,e)}accept(e,t){let{schema:n,migrate:r,schemaVersion:i}=this.context.settings,a=r!==void 0&&t!==i,o=a?ye(r,e,t):e,s=this.protect(S(n,o));return a?F.add(this):F.delete(this),s}get isOtherVersion(){return F.has(this)}protect(e){return Pt&&this.context.store.capabilities.values===`json`?_e(e):e}get mark(){return{version:this.version,lineage:this.lineage}}adopt(e,t){let{version:n,lineage:r=0}=e,i=(n<this.version||n===this.version&&r!==this.lineage)&&t!==void 0&&this.isAt(t);if(n<=this.version&&!i)return;let a=this.accept(e.data,e.schemaVersion);i&&(this.context.diagnostics.storeLosses+=1),this.subject=e.subject,this.fence=e.fence,this.move(n,r,a,void 0)}advance(e,t,n,r){this.isAt(e)&&t.version===e.version+1&&(F.delete(this),this.move(t.version,t.lineage??0,n,r))}identified(e,t,n){this.isAt(e)&&t.version===e.version+1&&(this.subject=n,this.version=t.version,this.lineage=t.lineage??0)}isAt({version:e,lineage:t}){return this.version===e&&this.lineage===t}move(e,t,n,r){if(this.version=e,this.lineage=t,this.data=n,this.#t!==void 0)for(let e of this.holders())e!==r&&e.changed(this.data)}notify(e){switch(e.type){case`written`:return this.hear(e),0;case`loaded`:try{this.adopt(e.session,e.behind===!0?this.mark:void 0)}catch(e){this.report(e)}return 0;case`destroyed`:return this.vanish({code:4410,reason:e.reason??`session destroyed`});case`expired`:return this.vanish({code:4419,reason:`session expired`});case`replaced`:return this.replace(e.fence)}}hear(e){let{version:t,lineage:n=0,after:r=0,change:i}=e;if(t<this.version||t===this.version&&n===this.lineage)return;let a=t===this.version+1&&r===this.lineage;if(i===void 0||!a||this.isOtherVersion)return this.reread();let o;try{o=S(this.context.settings.schema,he(this.data,i))}catch{return this.reread()}this.move(t,n,this.protect(o),void 0)}reread(){this.context.diagnostics.rereads+=1,this.read().catch(e=>this.report(e))}async read(){if(this.gone)throw h();let e=this.mark,t=await this.context.store.load(this.id);if(t===void 0)throw this.vanish({code:4410,reason:`session gone`}),h();let{version:n,lineage:r=0}=t;this.context.store.capabilities.values===`json`&&this.isAt({version:n,lineage:r})?this.data=this.accept(t.data,t.schemaVersion):this.adopt(t,e),this.context.deadlinesMoved(this,t.idleInMs,t.absoluteInMs)}vanish(e){return this.gone?0:(this.gone=!0,this.end(e=>e!==void 0,e))}replace(e){return e>this.fence&&(this.fence=e),this.end(t=>t.fence<e,{code:4409,reason:`replaced by a newer connection`})}report(e){this.context.report(e,{stage:`store`,sessionId:this.id})}end(e,t){let n=0;for(let r of this.holders())e(r)&&(r.end(t.code,t.reason),n+=1);return n}},It=class{#e=/* @__PURE__ */ new Map;#t=/* @__PURE__ */ new Map;#n=new FinalizationRegistry(e=>{this.#t.get(e)?.deref()===void 0&&this.#t.delete(e)});find(e){return this.#e.get(e)?.state??this.#t.get(e)?.deref()}held(e){return this.#e.get(e)?.state}heldIds(){return this.#e.keys()}hold(e){let{id:t}=e,n=this.#e.get(t);n?.state===e?n.uses+=1:this.#e.set(t,{state:e,uses:1})}keepLoose(e){let{id:t}=e;this.#e.has(t)||this.#t.get(t)?.deref()===e||(this.#t.set(t,new WeakRef(e)),this.#n.register(e,t))}drop(e){let t=this.#e.get(e.id);return t===void 0||t.state!==e||(--t.uses,t.uses>0?!1:(this.#e.delete(e.id),e.gone||this.keepLoose(e),!0))}},Lt=class{settings;store;diagnostics;#e;#t;#n=new It;#r=0;#i;#a=!1;constructor(e,t,n,r,i){this.settings=e,this.store=e.store,this.diagnostics=t,this.#t=r;let a=(e,t)=>this.report(e,t);this.#e=new Mt(n,e,{expiring:i,report:a}),this.store.attach(this)}async get(e){let t=this.known(e),n=await this.ask(()=>this.store.load(e));if(n===void 0)this.#l(e)?.vanish({code:4410,reason:`session gone`});else return new ot(this.#d(e,n,t),void 0)}async create(e){if(this.#a)throw Bt();if(!this.store.capabilities.resumable)throw new d(`NOT_SUPPORTED`,`this store keeps sessions on connections, and there is none to keep it on`);let t={id:Ee(),data:e,subject:void 0,hold:!1,token:!0},{id:n,stored:r,token:i=``}=await Me(this,t);return{session:new ot(this.#c(n,!1,()=>this.#d(n,r)),void 0),token:i}}async ask(e){if(this.#a)throw Bt();return zt(e)}vanish(e,t){return this.#l(e)?.vanish(t)??0}connectionCount(e){return this.#l(e)?.holderCount??0}createFor(e,t,n){let{resumable:r}=this.store.capabilities,i=Me(this,{id:r?Ee():e.id,data:t,subject:n,hold:!0,token:r&&this.settings.token!==void 0});return`stored`in i?this.#o(e,i):i.then(t=>this.#o(e,t))}#o(e,{id:t,stored:n,token:r}){let i={state:this.adoptNew(t,n),fence:n.fence,resumed:!1,token:r};e.isEnding?this.giveBack(i):this.attach(e,i)}known(e){return this.#l(e)?.mark}adopt(e,t,n){if(!this.store.capabilities.resumable)return new Ft(this,void 0,t);let r=this.#u(e,t,n);return this.#n.hold(r),this.#e.watch(r,t.idleInMs,t.absoluteInMs),r}adoptNew(e,t){return this.#c(e,!0,()=>this.adopt(e,t))}attach(e,{state:t,fence:n,token:r}){let{exclusive:i,maxConnectionsPerSession:a,idleMs:o,absoluteMs:s}=this.settings;i&&t.replace(n),e.token=r,e.attach(t,n),this.#e.join(t,e),t.holderCount>a&&Rt(t,a),this.store.capabilities.resumable||this.#e.watch(t,o,s),t.gone?e.end(4410,`session gone`):n<t.fence&&e.end(4409,`replaced by a newer connection`)}giveBack({state:e,resumed:t}){let{id:n}=e;this.leave(n),this.drop(e),t||this.#s(()=>this.store.destroy(n,void 0,!1),n)}leave(e){this.store.capabilities.resumable&&this.#s(()=>this.store.release(e),e)}drop(e){if(!this.store.capabilities.resumable)e.gone=!0;else if(!this.#n.drop(e))return;this.#e.unwatch(e)}destroyStolen(e){this.#s(async()=>{await this.store.destroy(e,`token stolen`,!1),this.vanish(e,{code:4410,reason:`token stolen`})},e)}begin(){this.#r+=1}end(){--this.#r,this.#r===0&&this.#i?.()}deadlinesMoved(e,t,n){this.#e.move(e,t,n)}report(e,t){try{ie((this.settings.onError??Vt)(e,t))}catch{}}held(e){let t=this.#t.find(e)??this.#n.held(e);if(t===void 0||t.gone)return;let{version:n,lineage:r,data:i,subject:a,fence:o}=t,{schemaVersion:s}=this.settings,c=this.#e.left(t);if(!(c.idleInMs<=0||c.absoluteInMs<=0))return{version:n,lineage:r,data:i,subject:a,fence:o,schemaVersion:s,...c,connections:t.holderCount}}*heldIds(){yield*this.#t.ids(),yield*this.#n.heldIds()}notify(e){return this.#n.held(e.id)?.notify(e)??0}onError(e){this.report(e,{stage:`store`})}async close(){for(;this.#r>0;)await new Promise(e=>{this.#i=e});this.#a=!0,await this.store.close()}#s(e,t){this.begin(),zt(e).then(()=>this.end(),e=>{this.report(e,{stage:`store`,sessionId:t}),this.end()})}#c(e,t,n){try{return n()}catch(n){throw t&&this.leave(e),this.#s(()=>this.store.destroy(e,void 0,!1),e),n}}#l(e){return this.#t.find(e)??this.#n.find(e)}#u(e,t,n){let r=this.#l(e);return r===void 0||r.gone?new Ft(this,e,t):(r.adopt(t,n),r)}#d(e,t,n){let r=this.#u(e,t,n);return this.#n.keepLoose(r),r}};function Rt(e,t){let n=[...e.holders()].filter(e=>!e.isEnding);for(let r of n.slice(0,Math.max(0,n.length-t)))r.end(4409,`too many connections of one session`),e.release(r)}async function zt(e){try{return await e()}catch(e){throw _(e)}}function Bt(){return new d(`SHUTTING_DOWN`,`sessions.close() was called`,{outcome:`not-applied`})}function Vt(e,{stage:t}){if(t===`adapter`)return;let{message:n,stack:r=``}=e instanceof Error?e:Error(String(e));process.emitWarning(`${t}: ${n}; give createSessions an onError`,{type:`WsessionWarning`,detail:r})}function Ht(e={}){return new Gt(wt(e))}const Ut=[`open`,`message`,`change`,`expiring`,`drain`,`close`];function Wt(e){let t=(typeof e==`object`||typeof e==`function`)&&e!==null;t&&Object.getPrototypeOf(e)===Object.prototype&&m(`handlers`,e,Ut);for(let n of Ut){let r=t?Reflect.get(e,n):null;if(r!==void 0&&typeof r!=`function`)throw new d(`INVALID_ARGUMENT`,`handlers are functions, ${Ut.join(`, `)}, in one object`)}}var Gt=class{diagnostics=yt();connections=new ht;deadlines=new vt;home;#e=[];#t;constructor(e){let{connections:t}=this,n={find:n=>e.store.capabilities.resumable?void 0:t.find(n)?.state,*ids(){if(!e.store.capabilities.resumable)for(let{state:e}of t)e!==void 0&&(yield e.id)}};this.home=new Lt(e,this.diagnostics,this.deadlines,n,(e,t)=>{e instanceof pt&&e.expiring(t)})}get isClosing(){return this.#t!==void 0}bind(e,t){if(this.isClosing)throw new d(`SHUTTING_DOWN`,`sessions.close() was called`);Wt(t);let n=new mt(this,e,t);return this.#e.push(n),n}of(e){for(let{runtime:t,opening:n}of this.#e){let r=n?.socket===e?n:t.connectionOf(e);if(r instanceof pt&&r.context.prefix===this.connections.prefix)return r}}async get(e){return C(e)?this.home.get(e):void 0}async*entries(){let e=await this.home.ask(()=>this.home.store.ids());for await(let t of e){let e=await this.#n(t);e!==void 0&&(yield e)}}create(e){return this.home.create(e)}async destroy(e,t){return C(e)?this.#r(await this.home.ask(()=>this.home.store.destroy(e,t,!0)),[e],t):{destroyed:0,closed:0,unreachable:[]}}async bySubject(e){let t=await this.home.ask(()=>this.home.store.bySubject(e));return(await Promise.all(t.map(e=>this.#n(e)))).filter(e=>e!==void 0)}async#n(e){try{return await this.home.get(e)}catch(t){if(!p(t))throw t;this.home.report(t,{stage:`store`,sessionId:e});return}}async destroySubject(e,t){let n=await this.home.ask(()=>this.home.store.destroySubject(e,t));return this.#r(n,n.destroyed,t)}#r(e,t,n=`session destroyed`){let{closed:r}=e;for(let e of t)r+=this.home.vanish(e,{code:4410,reason:n});return{destroyed:e.destroyed.length,closed:r,unreachable:e.unreachable}}async presence(e){if(!C(e))return{connections:0,nodes:[],missing:[]};let{nodes:t,missing:n}=await this.home.ask(()=>this.home.store.presence(e));if(this.home.store.capabilities.shared)return{connections:t.reduce((e,t)=>e+t.connections,0),nodes:t,missing:n};let r=this.home.connectionCount(e),i={node:this.connections.prefix,connections:r};return{connections:r,nodes:r>0?[i]:[],missing:n}}close(e={}){let t=te(e);return this.#t??=this.#i(t)}async#i(e){await Promise.all(this.#e.map(t=>t.close(e))),await this.home.close(),this.deadlines.clear()}};function Kt(e){let t=Object.create(null),n=e.headers;for(let e of Object.keys(n)){let r=n[e];r!==void 0&&(t[e]=typeof r==`string`?r:r.join(`, `))}let{socket:r}=e;return{method:e.method??`GET`,url:e.url??`/`,headers:t,get remoteAddress(){return ue(r.remoteAddress)},encrypted:r instanceof c,protocols:le(t[`sec-websocket-protocol`])}}const qt=/* @__PURE__ */ new WeakMap;function Jt(e){return qt.get(e)?.data}const I=Symbol(`wsession.connection`),Yt=Symbol(`wsession.tcp`),Xt=Symbol(`wsession.bytesRead`),L=Symbol(`wsession.counted`),Zt=Buffer.alloc(0),Qt={name:`ws`,connectionOf:e=>e instanceof l?R(e)[I]:void 0,send(e,t){return e.readyState===l.OPEN?(e.send(t),e.bufferedAmount===0?`sent`:`queued`):`closed`},bufferedAmount:e=>e.readyState===l.CLOSED?0:e.bufferedAmount,awaitDrain:ln,close(e,t,n){e.isPaused&&e.resume(),e.close(t,n)},terminate:e=>e.terminate(),heartbeat:un,pause:e=>e.pause(),resume(e){R(e)[Xt]=void 0,e.resume()}};function $t(e,t,n,r){let i=R(e);i[Yt]=t,en(i,t),e.on(`message`,tn),e.on(`close`,nn),e.on(`error`,r),i[I]=n()}function R(e){return e}function en(e,t){t.bytesRead===void 0&&(e[L]=0,t.on(`data`,({length:t})=>{e[L]=(e[L]??0)+t}))}function tn(e,t){t&&rn(e)?an(this):this[I]?.receive(t?sn(e):on(e))}function nn(e,t){this[I]?.ended(e,t.toString())}function rn(e){return e instanceof Blob}function an(e){e.off(`message`,tn),e.emit(`error`,new d(`INVALID_ARGUMENT`,`binaryType "blob" can't be read in order`)),Qt.close(e,1011,`message unreadable`)}function on(e){return Buffer.isBuffer(e)?e.toString():sn(e).toString()}function sn(e){return Buffer.isBuffer(e)?e:Array.isArray(e)?Buffer.concat(e):Buffer.from(e)}function cn(){}function ln(e){let t=R(e),n=t[Yt];if(n===void 0||n.destroyed)return;let r=()=>{e.readyState!==l.CLOSED&&(e.bufferedAmount===0?t[I]?.drained():ln(e))};n.writableEnded&&!n.writableFinished?n.once(`finish`,r):n.writableLength>0?n.write(Zt,r):setImmediate(r)}function un(e){if(e.readyState!==l.OPEN)return;let t=R(e),n=t[L]??t[Yt]?.bytesRead;if(n!==void 0&&t[Xt]===n&&!e.isPaused)return e.terminate();t[Xt]=n,e.ping(void 0,void 0,cn)}const dn={"Content-Type":`text/plain; charset=utf-8`},fn=/* @__PURE__ */ new WeakSet;function pn(e,t,n){if(!hn(e))throw new d(`INVALID_ARGUMENT`,`bindSessions takes a WebSocketServer of ws, the sessions, handlers`);if(fn.has(e))throw new d(`INVALID_ARGUMENT`,`this WebSocketServer is bound already`);let r=t.bind(Qt,n);fn.add(e);let i=/* @__PURE__ */ new WeakMap;mn(e,r,i),e.on(`headers`,(e,t)=>{for(let[n,r]of i.get(t)?.headers??[])e.push(`${n}: ${r}`)});let a=e=>r.report(e);return e.prependListener(`connection`,(e,t)=>{let n=i.get(t);i.delete(t),n===void 0?(a(new d(`INVALID_ARGUMENT`,`a connection came that was not admitted: bind before it, once`)),e.close(1011,`not admitted`)):$t(e,t.socket,()=>r.open(e,n.ticket),a)}),r}function mn(e,t,n){let{verifyClient:r,handleProtocols:i}=e.options,a=(e,n)=>{let i=()=>void o(e.req,n).catch(e=>t.report(e));r==null?i():gn(r)?r(e)?i():n(!1,401):r(e,(e,...t)=>e?i():n(!1,...t))};async function o(e,r){let i=t.admit(Kt(e),Jt(e.socket));e.socket.remoteAddress;let a=await i;if(a.type===`reject`)return r(!1,a.status,a.reason,dn);if(e.socket.destroyed)return t.abandon(a.ticket);n.set(e,a);try{r(!0)}catch(i){if(!n.delete(e))throw i;return t.abandon(a.ticket),t.report(i),r(!1,500,`internal error`,dn)}n.delete(e)&&(t.abandon(a.ticket),e.socket.writable&&e.socket.readable&&t.report(new d(`INVALID_ARGUMENT`,"emit `connection` in the callback of handleUpgrade")))}e.options.verifyClient=a,e.options.handleProtocols=(e,t)=>{let r=n.get(t)?.protocols??[...e],[a=!1]=r;if(a===!1||i==null)return a;let o=i(new Set(r),t);return o!==!1&&r.includes(o)?o:!1}}function hn(e){return typeof e==`object`&&!!e&&`handleUpgrade`in e&&`options`in e}function gn(e){return e.length!==2}const _n=/* @__PURE__ */ new Set([`ASK`,`BUSY`,`CLUSTERDOWN`,`CROSSSLOT`,`DENIED`,`LOADING`,`MASTERDOWN`,`MISCONF`,`MOVED`,`NOAUTH`,`NOPERM`,`NOREPLICAS`,`NOSCRIPT`,`OOM`,`READONLY`,`TRYAGAIN`,`WRONGPASS`]);function z(e,t,n){return new d(`STORE_UNAVAILABLE`,e,n===void 0?{outcome:t}:{outcome:t,cause:n})}function B(e=`not-applied`){return new d(`CORRUPT_RECORD`,`what Redis holds of this session can't be read`,{outcome:e})}async function V(e){try{return await e}catch(e){let t=yn(e);throw t.outcome===`unknown`?z(t.message,`not-applied`,t.cause):t}}function vn(e){return e instanceof Error&&e.message.startsWith(`NOSCRIPT`)}function yn(e){if(e instanceof d)return e;if(!(e instanceof Error))return z(`the Redis client failed`,`unknown`);let t=bn(e),n=xn(e);return n===`WRONGTYPE`?B():n!==void 0&&_n.has(n)?z(`Redis refused: ${n}`,`not-applied`,t):z(`Redis could not be asked`,`unknown`,t)}function bn(e){return Error(e instanceof Error?e.message:String(e))}function xn(e){if(e.name===`ReplyError`)return/^(?:ERR Error running script.*?: -?)?([A-Z]+)\b/.exec(e.message)?.[1]}const Sn={create:`local key = KEYS[1]
local function now_ms()
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
end
local META = '^(%d+) (%d+) (%d+) (%d+) (%d+) ([0-9a-z]+) ([0-9a-z]+)$'
local function split_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = string.match(text, META)
if not version or #version > 15 or #lineage > 10 or #fence > 15 or #schema > 15 then return nil end
if #bytes > 15 or #idle > 9 or #absolute > 9 then return nil end
return version, lineage, fence, schema, bytes, idle, absolute
end
local function unpack_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = split_meta(text)
if not version then return nil end
return {
version = tonumber(version),
lineage = tonumber(lineage),
fence = tonumber(fence),
schema = schema,
bytes = tonumber(bytes),
idle = tonumber(idle, 36),
absolute = tonumber(absolute, 36),
}
end
local function base36(number)
local text = ''
repeat
local digit = number % 36
text = string.char(digit + (digit < 10 and 48 or 87)) .. text
number = (number - digit) / 36
until number == 0
return text
end
local function pack_meta(meta)
local counts = meta.version .. ' ' .. meta.lineage .. ' ' .. meta.fence .. ' ' .. meta.schema .. ' ' .. meta.bytes
return counts .. ' ' .. base36(meta.idle) .. ' ' .. base36(meta.absolute)
end
local function set_expiry(idle, absolute)
local at = idle
if at == 0 or (absolute > 0 and absolute < at) then at = absolute end
if at == 0 then
redis.call('PERSIST', key)
else
redis.call('PEXPIREAT', key, at)
end
end
local function announce(holders, node, message)
if not holders then return end
local channel = string.match(key, '^(.*):s:{') .. ':k:'
for other, count in string.gmatch(holders, '([^=,]+)=(%d+)') do
if other ~= node and count ~= '0' then redis.call('PUBLISH', channel .. other, message) end
end
end
local function session_id()
return string.match(key, '{([^{}]*)}$')
end
local function take_over(fence, holders, node, sequence, at)
local raised = math.max(fence + 1, at)
redis.call('HSET', key, 'f', node .. ' ' .. sequence)
announce(holders, node, '["r","' .. session_id() .. '",' .. raised .. ']')
return raised
end
local function repeated(last, sequence)
if not last then return nil end
local seen, version = string.match(last, '^(%d+) (%d+)')
if not seen then return nil end
if seen == sequence then return tonumber(version) end
if tonumber(seen) > tonumber(sequence) then return 0 end
return nil
end
local not_after, node, sequence, digest = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 'v', 't', 'w' .. node, 'h', 'f')
if found[3] then
if ARGV[8] == '1' and tonumber(found[3]) > tonumber(ARGV[10]) then return { 'revoked' } end
return { 'exists' }
end
if found[1] then
local own = (digest ~= '' and found[2] == digest) or (digest == '' and repeated(found[4], sequence) == 1)
if not own then return { 'exists' } end
local meta = unpack_meta(found[1])
if meta and ARGV[12] == '1' and found[6] ~= node .. ' ' .. sequence then
if at > tonumber(not_after) then return { 'late', at } end
meta.fence = take_over(meta.fence, found[5], node, sequence, at)
redis.call('HSET', key, 'm', pack_meta(meta))
end
return { 'created', at, redis.call('HGETALL', key) }
end
if redis.call('EXISTS', key) == 1 then return { 'exists' } end
if at > tonumber(not_after) then return { 'late', at } end
local meta = {
version = 1,
lineage = tonumber(ARGV[14]),
fence = ARGV[12] == '1' and 1 or 0,
schema = ARGV[7],
bytes = tonumber(ARGV[13]),
idle = ARGV[5] == '0' and 0 or at + tonumber(ARGV[5]),
absolute = ARGV[6] == '0' and 0 or at + tonumber(ARGV[6]),
}
local fields = { 'm', pack_meta(meta) }
local function put(name, value)
fields[#fields + 1] = name
fields[#fields + 1] = value
end
if digest ~= '' then put('v', digest) else put('w' .. node, sequence .. ' 1 ' .. not_after) end
if ARGV[8] == '1' then put('s', ARGV[9]) end
if ARGV[12] == '1' then put('f', node .. ' ' .. sequence) end
if ARGV[11] ~= '' then put('h', node .. '=' .. ARGV[11] .. '.' .. sequence) end
redis.call('HSET', key, unpack(fields))
for first = 15, #ARGV, 500 do
redis.call('HSET', key, unpack(ARGV, first, math.min(first + 499, #ARGV)))
end
set_expiry(meta.idle, meta.absolute)
return { 'created', at, redis.call('HGETALL', key) }
`,destroy:`local key = KEYS[1]
local function now_ms()
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
end
local META = '^(%d+) (%d+) (%d+) (%d+) (%d+) ([0-9a-z]+) ([0-9a-z]+)$'
local function split_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = string.match(text, META)
if not version or #version > 15 or #lineage > 10 or #fence > 15 or #schema > 15 then return nil end
if #bytes > 15 or #idle > 9 or #absolute > 9 then return nil end
return version, lineage, fence, schema, bytes, idle, absolute
end
local function unpack_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = split_meta(text)
if not version then return nil end
return {
version = tonumber(version),
lineage = tonumber(lineage),
fence = tonumber(fence),
schema = schema,
bytes = tonumber(bytes),
idle = tonumber(idle, 36),
absolute = tonumber(absolute, 36),
}
end
local function has_passed(idle, absolute, at)
return (idle > 0 and idle <= at) or (absolute > 0 and absolute <= at)
end
local function announce(holders, node, message)
if not holders then return end
local channel = string.match(key, '^(.*):s:{') .. ':k:'
for other, count in string.gmatch(holders, '([^=,]+)=(%d+)') do
if other ~= node and count ~= '0' then redis.call('PUBLISH', channel .. other, message) end
end
end
local node, sequence, by_subject = ARGV[2], ARGV[3], ARGV[8] == '1'
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 's', 'h', 't', 'b')
local meta = found[1] and unpack_meta(found[1])
local there = found[1] and not (meta and has_passed(meta.idle, meta.absolute, at))
local mark = node .. ' ' .. sequence
if found[4] then
if found[5] == mark then return { 'destroyed', found[2], found[3] } end
if not by_subject then return { 'missing' } end
elseif not there and not by_subject then
return { 'missing' }
end
if at > tonumber(ARGV[1]) then return { 'late', at } end
local epoch = by_subject and tonumber(ARGV[11]) or 0
if not there then
if found[4] then epoch = math.max(epoch, tonumber(found[4])) else redis.call('DEL', key) end
redis.call('HSET', key, 't', epoch)
redis.call('PEXPIRE', key, ARGV[4])
return { 'denied' }
end
if by_subject and found[2] ~= ARGV[9] then
local denied = string.match(redis.call('HGET', key, 'x' .. ARGV[10]) or '', '^%d+')
epoch = math.max(epoch, tonumber(denied or '0'))
redis.call('HSET', key, 'x' .. ARGV[10], epoch .. ' ' .. (at + tonumber(ARGV[4])))
return { 'other' }
end
redis.call('DEL', key)
local fields = { 't', epoch, 'b', mark }
local function put(name, value)
fields[#fields + 1] = name
fields[#fields + 1] = value
end
if found[2] then put('s', found[2]) end
if found[3] then put('h', found[3]) end
if ARGV[6] == '1' then put('r', ARGV[7]) end
redis.call('HSET', key, unpack(fields))
redis.call('PEXPIRE', key, ARGV[4])
announce(found[3], node, ARGV[5])
return { 'destroyed', found[2], found[3] }
`,drop:`local key = KEYS[1]
local holders = redis.call('HGET', key, 'h')
if not holders then return 0 end
local dead, kept, dropped = {}, {}, 0
for _, entry in ipairs(ARGV) do dead[entry] = true end
for entry in string.gmatch(holders, '[^,]+') do
if dead[entry] then dropped = dropped + 1 else kept[#kept + 1] = entry end
end
if dropped == 0 then return 0 end
if #kept == 0 then
redis.call('HDEL', key, 'h')
else
redis.call('HSET', key, 'h', table.concat(kept, ','))
end
return dropped
`,hold:`local key = KEYS[1]
local MEMORY_MS = 60000
local function now_ms()
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
end
local META = '^(%d+) (%d+) (%d+) (%d+) (%d+) ([0-9a-z]+) ([0-9a-z]+)$'
local function split_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = string.match(text, META)
if not version or #version > 15 or #lineage > 10 or #fence > 15 or #schema > 15 then return nil end
if #bytes > 15 or #idle > 9 or #absolute > 9 then return nil end
return version, lineage, fence, schema, bytes, idle, absolute
end
local function has_passed(idle, absolute, at)
return (idle > 0 and idle <= at) or (absolute > 0 and absolute <= at)
end
local function with_holder(holders, node, count, sequence, at)
local kept = ''
for other, entry, seen, untill in string.gmatch(holders or '', '([^=,]+)(=%d+%.(%d+)%.?(%d*))') do
if other == node then
if tonumber(seen) >= tonumber(sequence) then return holders, false end
elseif untill == '' or tonumber(untill) > at then
kept = kept .. other .. entry .. ','
end
end
local own = node .. '=' .. count .. '.' .. sequence
if count == '0' then own = own .. '.' .. (at + MEMORY_MS) end
return kept .. own, true
end
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 'h', 't', 'r')
if not found[1] then
if found[3] then return { 'gone', found[4] } end
return { 'missing' }
end
local version, _, _, _, _, idle, absolute = split_meta(found[1])
if not version then return { 'corrupt' } end
if has_passed(tonumber(idle, 36), tonumber(absolute, 36), at) then return { 'missing' } end
if at > tonumber(ARGV[1]) then return { 'late', at } end
local holders, fresh = with_holder(found[2], ARGV[2], ARGV[4], ARGV[3], at)
if fresh then redis.call('HSET', key, 'h', holders) end
return { 'held', found[1] }
`,"index-add":`local key = KEYS[1]
local function now_ms()
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
end
local left = redis.call('PTTL', key)
redis.call('ZADD', key, 0, ARGV[1])
local untill = tonumber(ARGV[2])
if untill == 0 then
if left >= 0 then redis.call('PERSIST', key) end
elseif left == -2 or (left >= 0 and now_ms() + left < untill) then
redis.call('PEXPIREAT', key, ARGV[2])
end
local reply = redis.call('ZRANDMEMBER', key, '-' .. ARGV[3])
table.insert(reply, 1, tonumber(redis.call('GET', KEYS[2]) or '0'))
return reply
`,"index-raise":`local key = KEYS[1]
local epoch = redis.call('INCR', KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
local listed = redis.call('ZRANGEBYLEX', key, ARGV[2], ARGV[3])
table.insert(listed, 1, epoch)
return listed
`,load:`local key = KEYS[1]
local function now_ms()
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
end
local META = '^(%d+) (%d+) (%d+) (%d+) (%d+) ([0-9a-z]+) ([0-9a-z]+)$'
local function split_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = string.match(text, META)
if not version or #version > 15 or #lineage > 10 or #fence > 15 or #schema > 15 then return nil end
if #bytes > 15 or #idle > 9 or #absolute > 9 then return nil end
return version, lineage, fence, schema, bytes, idle, absolute
end
local function has_passed(idle, absolute, at)
return (idle > 0 and idle <= at) or (absolute > 0 and absolute <= at)
end
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 't', 'r')
if not found[1] then
if found[2] then return { 'gone', found[3] } end
return { 'missing' }
end
local version, _, _, _, _, idle, absolute = split_meta(found[1])
if not version then return { 'corrupt' } end
if has_passed(tonumber(idle, 36), tonumber(absolute, 36), at) then return { 'missing' } end
return { 'loaded', at, redis.call('HGETALL', key) }
`,restore:`local key = KEYS[1]
local META = '^(%d+) (%d+) (%d+) (%d+) (%d+) ([0-9a-z]+) ([0-9a-z]+)$'
local function split_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = string.match(text, META)
if not version or #version > 15 or #lineage > 10 or #fence > 15 or #schema > 15 then return nil end
if #bytes > 15 or #idle > 9 or #absolute > 9 then return nil end
return version, lineage, fence, schema, bytes, idle, absolute
end
local function unpack_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = split_meta(text)
if not version then return nil end
return {
version = tonumber(version),
lineage = tonumber(lineage),
fence = tonumber(fence),
schema = schema,
bytes = tonumber(bytes),
idle = tonumber(idle, 36),
absolute = tonumber(absolute, 36),
}
end
local function base36(number)
local text = ''
repeat
local digit = number % 36
text = string.char(digit + (digit < 10 and 48 or 87)) .. text
number = (number - digit) / 36
until number == 0
return text
end
local function pack_meta(meta)
local counts = meta.version .. ' ' .. meta.lineage .. ' ' .. meta.fence .. ' ' .. meta.schema .. ' ' .. meta.bytes
return counts .. ' ' .. base36(meta.idle) .. ' ' .. base36(meta.absolute)
end
local function set_expiry(idle, absolute)
local at = idle
if at == 0 or (absolute > 0 and absolute < at) then at = absolute end
if at == 0 then
redis.call('PERSIST', key)
else
redis.call('PEXPIREAT', key, at)
end
end
local meta = unpack_meta(redis.call('HGET', key, 'm') or '')
if not meta or base36(meta.idle) ~= ARGV[1] then return { 'overtaken' } end
meta.idle = tonumber(ARGV[2], 36)
redis.call('HSET', key, 'm', pack_meta(meta))
set_expiry(meta.idle, meta.absolute)
return { 'restored' }
`,resume:`local key = KEYS[1]
local MEMORY_MS = 60000
local function now_ms()
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
end
local META = '^(%d+) (%d+) (%d+) (%d+) (%d+) ([0-9a-z]+) ([0-9a-z]+)$'
local function split_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = string.match(text, META)
if not version or #version > 15 or #lineage > 10 or #fence > 15 or #schema > 15 then return nil end
if #bytes > 15 or #idle > 9 or #absolute > 9 then return nil end
return version, lineage, fence, schema, bytes, idle, absolute
end
local function base36(number)
local text = ''
repeat
local digit = number % 36
text = string.char(digit + (digit < 10 and 48 or 87)) .. text
number = (number - digit) / 36
until number == 0
return text
end
local function has_passed(idle, absolute, at)
return (idle > 0 and idle <= at) or (absolute > 0 and absolute <= at)
end
local function set_expiry(idle, absolute)
local at = idle
if at == 0 or (absolute > 0 and absolute < at) then at = absolute end
if at == 0 then
redis.call('PERSIST', key)
else
redis.call('PEXPIREAT', key, at)
end
end
local function next_idle(idle, idle_ms, at)
local wanted = idle_ms == 0 and 0 or at + idle_ms
if wanted ~= 0 and idle ~= 0 and wanted >= idle and wanted - idle <= idle_ms / 10 then return idle end
return wanted
end
local function announce(holders, node, message)
if not holders then return end
local channel = string.match(key, '^(.*):s:{') .. ':k:'
for other, count in string.gmatch(holders, '([^=,]+)=(%d+)') do
if other ~= node and count ~= '0' then redis.call('PUBLISH', channel .. other, message) end
end
end
local function session_id()
return string.match(key, '{([^{}]*)}$')
end
local function take_over(fence, holders, node, sequence, at)
local raised = math.max(fence + 1, at)
redis.call('HSET', key, 'f', node .. ' ' .. sequence)
announce(holders, node, '["r","' .. session_id() .. '",' .. raised .. ']')
return raised
end
local function with_holder(holders, node, count, sequence, at)
local kept = ''
for other, entry, seen, untill in string.gmatch(holders or '', '([^=,]+)(=%d+%.(%d+)%.?(%d*))') do
if other == node then
if tonumber(seen) >= tonumber(sequence) then return holders, false end
elseif untill == '' or tonumber(untill) > at then
kept = kept .. other .. entry .. ','
end
end
local own = node .. '=' .. count .. '.' .. sequence
if count == '0' then own = own .. '.' .. (at + MEMORY_MS) end
return kept .. own, true
end
local node, sequence, digest, next_digest = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 'v', 'h', 's', 'f')
if not found[1] then return { 'missing' } end
local version, lineage, fence, schema, bytes, idle, absolute = split_meta(found[1])
if not version then return { 'corrupt' } end
local idle_at, absolute_at = tonumber(idle, 36), tonumber(absolute, 36)
if has_passed(idle_at, absolute_at, at) then return { 'missing' } end
local by, renews = 'none', false
if digest ~= '' and digest == found[2] then
by = 'current'
elseif digest ~= '' then
local others = redis.call('HMGET', key, 'q', 'n')
local previous, grace = string.match(others[1] or '', '^(%S+) (%d+)$')
local renewal, untill = string.match(others[2] or '', '^(%S+) (%d+)$')
if next_digest ~= '' and next_digest == found[2] then
by = 'renewal'
elseif digest == renewal and at < tonumber(untill) and next_digest ~= '' then
by, renews = 'renewal', true
elseif digest == previous then
if at >= tonumber(grace) then return { 'stolen' } end
by = 'previous'
else
return { 'wrong' }
end
end
local subject = ARGV[9]
if subject and found[4] ~= subject and (found[4] or digest ~= '') then return { 'foreign' } end
if at > tonumber(ARGV[1]) then return { 'late', at } end
if renews then
redis.call('HSET', key, 'v', next_digest)
redis.call('HDEL', key, 'n')
end
local holders = found[3]
if ARGV[7] ~= '' then
local fresh
holders, fresh = with_holder(holders, node, ARGV[7], sequence, at)
if fresh then redis.call('HSET', key, 'h', holders) end
end
local takes_over = ARGV[8] == '1' and found[5] ~= node .. ' ' .. sequence
if takes_over then fence = take_over(fence, holders, node, sequence, at) end
local next_at = next_idle(idle_at, tonumber(ARGV[6]), at)
if takes_over or next_at ~= idle_at then
local counts = version .. ' ' .. lineage .. ' ' .. fence .. ' ' .. schema .. ' ' .. bytes
redis.call('HSET', key, 'm', counts .. ' ' .. base36(next_at) .. ' ' .. absolute)
set_expiry(next_at, absolute_at)
end
return { 'resumed', at, by, idle, redis.call('HGETALL', key) }
`,rotate:`local key = KEYS[1]
local MEMORY_MS = 60000
local function now_ms()
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
end
local META = '^(%d+) (%d+) (%d+) (%d+) (%d+) ([0-9a-z]+) ([0-9a-z]+)$'
local function split_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = string.match(text, META)
if not version or #version > 15 or #lineage > 10 or #fence > 15 or #schema > 15 then return nil end
if #bytes > 15 or #idle > 9 or #absolute > 9 then return nil end
return version, lineage, fence, schema, bytes, idle, absolute
end
local function unpack_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = split_meta(text)
if not version then return nil end
return {
version = tonumber(version),
lineage = tonumber(lineage),
fence = tonumber(fence),
schema = schema,
bytes = tonumber(bytes),
idle = tonumber(idle, 36),
absolute = tonumber(absolute, 36),
}
end
local function base36(number)
local text = ''
repeat
local digit = number % 36
text = string.char(digit + (digit < 10 and 48 or 87)) .. text
number = (number - digit) / 36
until number == 0
return text
end
local function pack_meta(meta)
local counts = meta.version .. ' ' .. meta.lineage .. ' ' .. meta.fence .. ' ' .. meta.schema .. ' ' .. meta.bytes
return counts .. ' ' .. base36(meta.idle) .. ' ' .. base36(meta.absolute)
end
local function next_lineage(is_known, lineage, mark)
if is_known then return mark end
return (lineage * 69069 + mark) % 2147483648
end
local function has_passed(idle, absolute, at)
return (idle > 0 and idle <= at) or (absolute > 0 and absolute <= at)
end
local function announce(holders, node, message)
if not holders then return end
local channel = string.match(key, '^(.*):s:{') .. ':k:'
for other, count in string.gmatch(holders, '([^=,]+)=(%d+)') do
if other ~= node and count ~= '0' then redis.call('PUBLISH', channel .. other, message) end
end
end
local function session_id()
return string.match(key, '{([^{}]*)}$')
end
local function prune_writers(node, at)
local old = {}
for _, name in ipairs(redis.call('HKEYS', key)) do
if string.sub(name, 1, 1) == 'w' and name ~= 'w' .. node then
local untill = string.match(redis.call('HGET', key, name), ' (%d+)$')
if not untill or tonumber(untill) + MEMORY_MS < at then old[#old + 1] = name end
end
end
if #old > 0 then redis.call('HDEL', key, unpack(old)) end
end
local function repeated(last, sequence)
if not last then return nil end
local seen, version = string.match(last, '^(%d+) (%d+)')
if not seen then return nil end
if seen == sequence then return tonumber(version) end
if tonumber(seen) > tonumber(sequence) then return 0 end
return nil
end
local not_after, node, sequence, identifies = ARGV[1], ARGV[2], ARGV[3], ARGV[8] == '1'
local at = now_ms()
local writer, denial = 'w' .. node, 'x' .. ARGV[10]
local found = redis.call('HMGET', key, 'm', 'h', writer, 'v', denial)
if not found[1] then return { 'missing' } end
local meta = unpack_meta(found[1])
if not meta then return { 'corrupt' } end
if has_passed(meta.idle, meta.absolute, at) then return { 'missing' } end
local function answer(version)
local wanted, lineage = tonumber(ARGV[14]), ARGV[15]
if identifies then wanted, lineage = wanted + 1, ARGV[16] end
if version == wanted and (ARGV[15] == '' or tonumber(lineage) == meta.lineage) then return version end
return { 'rotated', version, at, redis.call('HGETALL', key) }
end
local before = repeated(found[3], sequence)
if before == 0 then return { 'settled' } end
if before then return answer(before) end
if at > tonumber(not_after) then return { 'late', at } end
if ARGV[13] ~= '' and tonumber(ARGV[13]) < meta.fence then return { 'fenced' } end
local denied, denied_until = string.match(found[5] or '', '^(%d+) (%d+)$')
local is_denied = denied and tonumber(denied_until) > at
if identifies then
if is_denied and tonumber(denied) > tonumber(ARGV[11]) then return { 'revoked' } end
local indexed = tonumber(ARGV[12])
if indexed ~= 0 and (meta.absolute == 0 or meta.absolute > indexed) then return { 'index', meta.absolute } end
local is_known = meta.version == tonumber(ARGV[14]) and meta.lineage == tonumber(ARGV[15])
meta.version, meta.lineage = meta.version + 1, tonumber(next_lineage(is_known, meta.lineage, ARGV[16]))
end
if not found[3] then prune_writers(node, at) end
local fields = {
'm', pack_meta(meta),
'v', ARGV[4],
'n', ARGV[5] .. ' ' .. (at + tonumber(ARGV[6])),
writer, sequence .. ' ' .. meta.version .. ' ' .. not_after,
}
if identifies then
fields[#fields + 1] = 's'
fields[#fields + 1] = ARGV[9]
end
redis.call('HSET', key, unpack(fields))
if found[4] then
redis.call('HSET', key, 'q', found[4] .. ' ' .. (at + tonumber(ARGV[7])))
else
redis.call('HDEL', key, 'q')
end
if identifies then
if found[5] and not is_denied then redis.call('HDEL', key, denial) end
announce(found[2], node, '["w","' .. session_id() .. '",' .. meta.version .. ',' .. meta.lineage .. ']')
end
return answer(meta.version)
`,settle:`local key = KEYS[1]
local function now_ms()
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
end
local at = now_ms()
local writer = 'w' .. ARGV[2]
local found = redis.call('HMGET', key, 'm', writer)
if not found[1] then return { 'unknown' } end
local seen, version = string.match(found[2] or '', '^(%d+) (%d+)')
if seen == ARGV[3] then
if version == '0' then return { 'not-applied' } end
return { 'applied', tonumber(version) }
end
if seen and tonumber(seen) > tonumber(ARGV[3]) then return { 'unknown' } end
if not seen and ARGV[4] == '1' then return { 'unknown' } end
if at > tonumber(ARGV[1]) then return { 'late', at } end
redis.call('HSET', key, writer, ARGV[3] .. ' 0 ' .. ARGV[1])
return { 'not-applied' }
`,touch:`local key = KEYS[1]
local function now_ms()
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
end
local META = '^(%d+) (%d+) (%d+) (%d+) (%d+) ([0-9a-z]+) ([0-9a-z]+)$'
local function split_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = string.match(text, META)
if not version or #version > 15 or #lineage > 10 or #fence > 15 or #schema > 15 then return nil end
if #bytes > 15 or #idle > 9 or #absolute > 9 then return nil end
return version, lineage, fence, schema, bytes, idle, absolute
end
local function unpack_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = split_meta(text)
if not version then return nil end
return {
version = tonumber(version),
lineage = tonumber(lineage),
fence = tonumber(fence),
schema = schema,
bytes = tonumber(bytes),
idle = tonumber(idle, 36),
absolute = tonumber(absolute, 36),
}
end
local function base36(number)
local text = ''
repeat
local digit = number % 36
text = string.char(digit + (digit < 10 and 48 or 87)) .. text
number = (number - digit) / 36
until number == 0
return text
end
local function pack_meta(meta)
local counts = meta.version .. ' ' .. meta.lineage .. ' ' .. meta.fence .. ' ' .. meta.schema .. ' ' .. meta.bytes
return counts .. ' ' .. base36(meta.idle) .. ' ' .. base36(meta.absolute)
end
local function has_passed(idle, absolute, at)
return (idle > 0 and idle <= at) or (absolute > 0 and absolute <= at)
end
local function set_expiry(idle, absolute)
local at = idle
if at == 0 or (absolute > 0 and absolute < at) then at = absolute end
if at == 0 then
redis.call('PERSIST', key)
else
redis.call('PEXPIREAT', key, at)
end
end
local function next_idle(idle, idle_ms, at)
local wanted = idle_ms == 0 and 0 or at + idle_ms
if wanted ~= 0 and idle ~= 0 and wanted >= idle and wanted - idle <= idle_ms / 10 then return idle end
return wanted
end
local at = now_ms()
local found = redis.call('HMGET', key, 'm', 's')
if not found[1] then return { 'missing' } end
local meta = unpack_meta(found[1])
if not meta then return { 'corrupt' } end
if has_passed(meta.idle, meta.absolute, at) then return { 'missing' } end
if at > tonumber(ARGV[1]) then return { 'late', at } end
local changed = false
if ARGV[3] ~= '' then
local absolute = ARGV[3] == '0' and 0 or at + tonumber(ARGV[3])
local later = meta.absolute ~= 0 and (absolute == 0 or absolute > meta.absolute)
if later and found[2] then
local indexed = tonumber(ARGV[5])
local known = ARGV[4] == found[2] and (indexed == 0 or (absolute ~= 0 and absolute <= indexed))
if not known then return { 'index', found[2], absolute } end
end
changed = absolute ~= meta.absolute
meta.absolute = absolute
end
local idle = next_idle(meta.idle, tonumber(ARGV[2]), at)
if changed or idle ~= meta.idle then
meta.idle = idle
redis.call('HSET', key, 'm', pack_meta(meta))
set_expiry(meta.idle, meta.absolute)
end
return 1
`,write:`local key = KEYS[1]
local MEMORY_MS = 60000
local function now_ms()
local time = redis.call('TIME')
return time[1] * 1000 + math.floor(time[2] / 1000)
end
local META = '^(%d+) (%d+) (%d+) (%d+) (%d+) ([0-9a-z]+) ([0-9a-z]+)$'
local function split_meta(text)
local version, lineage, fence, schema, bytes, idle, absolute = string.match(text, META)
if not version or #version > 15 or #lineage > 10 or #fence > 15 or #schema > 15 then return nil end
if #bytes > 15 or #idle > 9 or #absolute > 9 then return nil end
return version, lineage, fence, schema, bytes, idle, absolute
end
local function next_lineage(is_known, lineage, mark)
if is_known then return mark end
return (lineage * 69069 + mark) % 2147483648
end
local function has_passed(idle, absolute, at)
return (idle > 0 and idle <= at) or (absolute > 0 and absolute <= at)
end
local function announce(holders, node, message)
if not holders then return end
local channel = string.match(key, '^(.*):s:{') .. ':k:'
for other, count in string.gmatch(holders, '([^=,]+)=(%d+)') do
if other ~= node and count ~= '0' then redis.call('PUBLISH', channel .. other, message) end
end
end
local function has_other_holders(holders, node)
if not holders then return false end
for other, count in string.gmatch(holders, '([^=,]+)=(%d+)') do
if other ~= node and count ~= '0' then return true end
end
return false
end
local function session_id()
return string.match(key, '{([^{}]*)}$')
end
local function prune_writers(node, at)
local old = {}
for _, name in ipairs(redis.call('HKEYS', key)) do
if string.sub(name, 1, 1) == 'w' and name ~= 'w' .. node then
local untill = string.match(redis.call('HGET', key, name), ' (%d+)$')
if not untill or tonumber(untill) + MEMORY_MS < at then old[#old + 1] = name end
end
end
if #old > 0 then redis.call('HDEL', key, unpack(old)) end
end
local function repeated(last, sequence)
if not last then return nil end
local seen, version = string.match(last, '^(%d+) (%d+)')
if not seen then return nil end
if seen == sequence then return tonumber(version) end
if tonumber(seen) > tonumber(sequence) then return 0 end
return nil
end
local not_after, node, sequence = ARGV[1], ARGV[2], ARGV[3]
local at = now_ms()
local writer = 'w' .. node
local found = redis.call('HMGET', key, 'm', 'h', writer)
if not found[1] then return { 'missing' } end
local version, lineage, fence, schema, bytes, idle, absolute = split_meta(found[1])
if not version then return { 'corrupt' } end
if has_passed(tonumber(idle, 36), tonumber(absolute, 36), at) then return { 'missing' } end
local function answer(made)
if made == ARGV[5] + 1 and (ARGV[6] == '' or lineage == ARGV[7]) then return made end
return { 'written', made, at, redis.call('HGETALL', key) }
end
local before = repeated(found[3], sequence)
if before == 0 then return { 'settled' } end
if before then return answer(before) end
if at > tonumber(not_after) then return { 'late', at } end
if ARGV[8] ~= '' and tonumber(ARGV[8]) < tonumber(fence) then return { 'fenced' } end
local is_known = ARGV[5] == version and ARGV[6] == lineage
if ARGV[4] ~= '' and (ARGV[4] ~= version or not (is_known or ARGV[6] == '')) then
return { 'conflict', at, redis.call('HGETALL', key) }
end
local last_set = 13 + 2 * ARGV[13]
local set_bytes, removed_bytes, removed = 0, 0, {}
for index = 14, last_set do set_bytes = set_bytes + #ARGV[index] end
for index = last_set + 1, #ARGV do
removed_bytes = removed_bytes + #ARGV[index]
removed[#removed + 1] = ARGV[index]
end
local replaces = ARGV[12] == 'r'
bytes = bytes + set_bytes
if replaces or bytes > tonumber(ARGV[10]) then
local changed, had, kept, old = {}, 0, 0, redis.call('HGETALL', key)
for index = 14, last_set, 2 do changed[ARGV[index]] = true end
for _, name in ipairs(removed) do changed[name] = true end
for index = 1, #old, 2 do
local name, size = old[index], #old[index] + #old[index + 1]
if string.sub(name, 1, 2) == 'd:' then
had = had + size
if replaces and not changed[name] then
removed[#removed + 1] = name
elseif not changed[name] then
kept = kept + size
end
end
end
bytes = kept + set_bytes
if bytes > tonumber(ARGV[10]) and bytes > had then return { 'large', tonumber(ARGV[10]) } end
end
if not found[3] then prune_writers(node, at) end
local after = lineage
version, lineage = version + 1, next_lineage(is_known, lineage, ARGV[7])
local record = version .. ' ' .. lineage .. ' ' .. fence .. ' ' .. ARGV[9] .. ' ' .. bytes
.. ' ' .. idle .. ' ' .. absolute
local last = math.min(513, last_set)
redis.call('HSET', key, 'm', record, writer, sequence .. ' ' .. version .. ' ' .. not_after, unpack(ARGV, 14, last))
for first = last + 1, last_set, 500 do
redis.call('HSET', key, unpack(ARGV, first, math.min(first + 499, last_set)))
end
for first = 1, #removed, 500 do
redis.call('HDEL', key, unpack(removed, first, math.min(first + 499, #removed)))
end
if has_other_holders(found[2], node) then
local parts = { '["w","', session_id(), '",', version, ',', lineage }
if set_bytes + removed_bytes <= tonumber(ARGV[11]) and schema == ARGV[9] then
parts[#parts + 1] = ',' .. after .. ',"' .. ARGV[12] .. '",{'
for index = 14, last_set, 2 do
parts[#parts + 1] = (index > 14 and ',' or '') .. cjson.encode(string.sub(ARGV[index], 3)) .. ':' .. ARGV[index + 1]
end
parts[#parts + 1] = '},['
for index = last_set + 1, #ARGV do
parts[#parts + 1] = (index > last_set + 1 and ',' or '') .. cjson.encode(string.sub(ARGV[index], 3))
end
parts[#parts + 1] = ']'
end
parts[#parts + 1] = ']'
announce(found[2], node, table.concat(parts))
end
return answer(version)
`},Cn=/* @__PURE__ */ new Map;function wn(e){return Sn[e]}function Tn(e){let t=Cn.get(e);return t===void 0&&(t=n(`sha1`).update(Sn[e]).digest(`hex`),Cn.set(e,t)),t}var En=class{#e;#t;#n;timeoutMs;constructor(e,t,n,r){this.#e=e,this.#t=t,this.#n=n,this.timeoutMs=r}deadline(){return performance.now()+this.timeoutMs}serverNow(){return this.#n.known?this.#n.serverTime(performance.now()):void 0}ready(e){return this.#t.wait(e)}command(e,t,n=this.deadline()){return this.#t.open?this.#a(e,[...t],n):this.#t.wait(n).then(()=>this.#a(e,[...t],n))}script(e,t,n,r=this.deadline()){let i=[Tn(e),String(t.length),...t,...n];return this.#t.open?this.#a(`evalsha`,i,r,Dn,e):this.#t.wait(r).then(()=>this.#a(`evalsha`,i,r,Dn,e))}timedScript(e,t,n,r=this.deadline()){return this.#r({name:e,key:t,args:n,deadline:r},0)}#r(e,t){return this.#t.open?this.#i(e,t):this.#t.wait(e.deadline).then(()=>this.#i(e,t),e=>{throw t>0?z(`Redis can't be reached again`,`unknown`,e):e})}#i(e,t){let{name:n,key:r,args:i,deadline:a}=e,o=this.#n.serverTime(a),s=performance.now(),c=[Tn(n),`1`,r,String(o)].concat(i);return this.#a(`evalsha`,c,a,(t,n)=>{if(!Array.isArray(t)||t[0]!==`late`)return t;let r=performance.now();if(this.#n.observe(Number(t[1]),s,r),r>=a)throw On(`Redis was reached too late`,n-1);return this.#r(e,n-1)},n,t)}#a(e,t,n,r=Dn,i,a=0){let o=n-performance.now();if(o<=0)return Promise.reject(On(`Redis can't be reached`,a));let s=this.#e.send(e,t),c=setTimeout(kn,o,s);return s.promise.then(e=>{if(clearTimeout(c),e===`QUEUED`)throw z(`the client is in a MULTI of the application's`,`unknown`);let t=a+s.attempts;return r(t>1?jn(e):e,t)},e=>{clearTimeout(c);let o=a+s.attempts;if(i!==void 0&&vn(e)){let e=[wn(i),...t.slice(1)];return this.#a(`eval`,e,n,r,void 0,o-1)}let l=yn(e);throw o<=1||l.outcome===`unknown`?l:z(l.message,`unknown`,l.cause)})}};function Dn(e){return e}function On(e,t){return z(e,t>0?`unknown`:`not-applied`)}function kn(e){e.reject(z(`Redis did not answer in time`,`unknown`))}const An=/* @__PURE__ */ new Set([`missing`,`wrong`,`stolen`,`foreign`,`exists`]);function jn(e){return Array.isArray(e)&&An.has(e[0])?[e[0],`again`]:e}var Mn=class{#e;get known(){return this.#e!==void 0}observe(e,t,n){let r=e-n,i=e+1-t;(this.#e===void 0||r>this.#e||i<this.#e)&&(this.#e=r)}forget(){this.#e=void 0}serverTime(e){return Math.floor(e+(this.#e??-1/0))}};const Nn=/* @__PURE__ */ new Set([`__proto__`,`constructor`,`prototype`]),Pn=/\p{Surrogate}/u;function Fn(e,t){Gn(e);let n=[];for(let[t,r]of Object.entries(e))r!==void 0&&n.push(H(t),Bn(t,r));return{fields:n,bytes:Vn(n,t)}}function In(e,t,n){if(e.type===`fields`){let t=Object.entries(e.set).flatMap(([e,t])=>[H(e),Bn(e,t)]);return Vn(t,n),{mode:`f`,set:t,unset:e.unset.map(H)}}return e.base===void 0||t===void 0?{mode:`r`,set:Fn(e.data,n).fields,unset:[]}:(Gn(e.data),Ln({...e.base},{...e.data},n))}function Ln(e,t,n){let r=[];for(let n of Object.keys(t)){let i=t[n],a=Rn(e,n);if(i===void 0||Object.is(a,i))continue;let o=Bn(n,i);(typeof i!=`object`||typeof a!=`object`||JSON.stringify(a)!==o)&&r.push(H(n),o)}return Vn(r,n),{mode:`f`,set:r,unset:Object.keys(e).filter(n=>e[n]!==void 0&&Rn(t,n)===void 0).map(H)}}function Rn(e,t){return Object.hasOwn(e,t)?e[t]:void 0}function zn(e,t,n){if(!t.startsWith(`d:`))return!1;let r=t.slice(2);if(Nn.has(r))throw SyntaxError(`a field's name reaches a prototype`);return e[r]=JSON.parse(n),!0}function H(e){if(Nn.has(e))throw U(e,`has a name that reaches a prototype`);if(Pn.test(e))throw U(`a field`,`has a name that UTF-8 can't carry`);return`d:`+e}function Bn(e,t){return Un(e,t,void 0),JSON.stringify(t)}function Vn(e,t){let n=0;for(let t of e)n+=Buffer.byteLength(t);if(n>t)throw Hn(t);return n}function Hn(e){return new d(`TOO_LARGE`,`the session's data would exceed maxBytes, ${e}`,{outcome:`not-applied`})}function Un(e,t,n){switch(typeof t){case`string`:case`boolean`:return;case`number`:if(!Number.isFinite(t))throw U(e,`is a number that JSON can't carry`);return;case`object`:t!==null&&Wn(e,t,n??/* @__PURE__ */ new Set);return;default:throw U(e,`is ${t===void 0?`undefined`:`a ${typeof t}`}`)}}function Wn(e,t,n){if(n.has(t))throw U(e,`contains itself`);if(n.size>=500)throw U(`a field`,`is nested too deeply`);if(n.add(t),Array.isArray(t))for(let r=0;r<t.length;r+=1)Un(`${e}[${r}]`,t[r],n);else{Gn(t,e);for(let[r,i]of Object.entries(t)){if(r===`__proto__`)throw U(e,`has a property that reaches a prototype`);Un(`${e}.${r}`,i,n)}}n.delete(t)}function Gn(e,t=`the data`){let n=Object.getPrototypeOf(e);if(n!==Object.prototype&&n!==null||Object.getOwnPropertySymbols(e).length>0)throw U(t,`is not a plain object`);if(`toJSON`in e&&typeof e.toJSON==`function`)throw U(t,`has a toJSON of its own`)}function U(e,t){return new d(`NOT_SERIALISABLE`,`${e} ${t}; nothing was changed`,{outcome:`not-applied`})}function Kn(e,t,n){return JSON.stringify([`d`,e,t??null,...n===void 0?[]:[n.node,n.token]])}function qn(e,t,n){return JSON.stringify([`a`,e,t,n])}function Jn(e){let t;try{t=JSON.parse(e)}catch{return}if(!Array.isArray(t))return;let[n,r,...i]=t;if(typeof r==`string`)switch(n){case`w`:return Qn(r,i);case`r`:return typeof i[0]==`number`?Yn({type:`replaced`,id:r,fence:i[0]}):void 0;case`d`:return Yn({type:`destroyed`,id:r,reason:Xn(i[0])},Zn(i[1],i[2]));case`a`:return{type:`confirmations`,confirmations:er(r,i[0],i[1])};default:return}}function Yn(e,t){return{type:`event`,event:e,confirm:t}}function Xn(e){return typeof e==`string`?e:void 0}function Zn(e,t){return typeof e==`string`&&typeof t==`string`?{node:e,token:t}:void 0}function Qn(e,[t,n,r,...i]){if(typeof t==`number`&&typeof n==`number`)return Yn(typeof r==`number`?{type:`written`,id:e,version:t,lineage:n,after:r,change:$n(i)}:{type:`written`,id:e,version:t,lineage:n,change:void 0})}function $n([e,t,n]){if(typeof t==`object`&&t&&Array.isArray(n))return e===`r`?{type:`replace`,data:t,base:void 0}:{type:`fields`,set:{...t},unset:n.filter(e=>typeof e==`string`)}}function er(e,t,n){return typeof t!=`string`||!Array.isArray(n)?[]:n.flatMap(n=>{let[r,i]=Array.isArray(n)?n:[];return typeof r==`string`&&typeof i==`number`?[{token:e,node:t,id:r,closed:i}]:[]})}const tr=/^(\d{1,15}) (\d{1,10}) (\d{1,15}) (\d{1,15}) \d{1,15} ([0-9a-z]{1,9}) ([0-9a-z]{1,9})$/,nr=/^([^=]+)=(\d+)\.\d+/,rr=process.env.NODE_ENV!==`production`;function W(e,t=`not-applied`){let n=typeof e==`string`?tr.exec(e):null;if(n===null)throw B(t);let{1:r,2:i,3:a,4:o,5:s,6:c}=n;return{version:Number(r),lineage:Number(i),fence:Number(a),schemaVersion:Number(o),idleAt:ir(s),absoluteAt:ir(c)}}function ir(e){return Number.parseInt(e??`0`,36)||1/0}function ar(e){return typeof e==`string`?e.split(`,`).flatMap(e=>{let[,t,n]=nr.exec(e)??[];return t===void 0||n===`0`?[]:[{node:t,connections:Number(n),entry:e}]}):[]}function G(e,t,n){let r=Number(t);if(!Array.isArray(e)||Number.isNaN(r))throw B(n);let i={},a,o;for(let t=0;t+1<e.length;t+=2){let r=e[t],s=e[t+1];if(typeof r!=`string`||typeof s!=`string`)throw B(n);r===`m`?a=s:r===`s`?o=s:or(i,r,s,n)}let{version:s,lineage:c,fence:l,schemaVersion:u,idleAt:d,absoluteAt:f}=W(a,n),p=d-r,m=f-r;return{version:s,lineage:c,data:rr?sr(i):i,subject:o,fence:l,schemaVersion:u,idleInMs:p,absoluteInMs:m}}function or(e,t,n,r){try{zn(e,t,n)}catch{throw B(r)}}function sr(e){if(typeof e==`object`&&e&&!Object.isFrozen(e)){Object.freeze(e);for(let t of Object.values(e))sr(t)}return e}const cr=/^\d+$/;function K(e){let t=Array.isArray(e)?e:[e],n=t[0];if(n===`corrupt`)throw B();if(n===`large`)throw Hn(Number(t[1]));if(n===`settled`)throw z(`the write was overtaken by a later one`,`unknown`);return t}function lr(e){return typeof e==`number`?e:typeof e==`string`&&cr.test(e)?Number(e):void 0}function q(){return z(`Redis answered what no script answers`,`unknown`)}function J(e){return Array.isArray(e)&&e[1]===`again`}function ur(){return new d(`SESSION_GONE`,`the session was destroyed or has expired`,{outcome:`unknown`})}function dr(e){let{0:t,1:n,2:r}=K(e);switch(t){case`created`:return{type:`created`,session:G(r,n,`unknown`)};case`exists`:case`revoked`:return{type:t};default:throw q()}}function fr(e){let{0:t,1:n,2:r}=K(e);switch(t){case`loaded`:return{type:`session`,session:G(r,n,`not-applied`)};case`gone`:return{type:`destroyed`,reason:typeof n==`string`?n:void 0};case`missing`:return{type:`missing`};default:throw q()}}function pr(e){let{0:t,1:n,2:r,4:i}=K(e);switch(t){case`resumed`:if(r!==`current`&&r!==`previous`&&r!==`renewal`&&r!==`none`)throw q();return{type:t,session:G(i,n,`unknown`),by:r};case`missing`:case`wrong`:case`stolen`:case`foreign`:return{type:t};default:throw q()}}function mr(e){let{0:t,3:n,4:r}=K(e);if(t!==`resumed`||typeof n!=`string`)return;let i=Array.isArray(r)?r.map(String):[],a=i[i.findIndex((e,t)=>t%2==0&&e===`m`)+1]?.split(` `).at(-2);return a===void 0||a===n?void 0:[a,n]}function hr(e,t){let n=lr(e);if(n!==void 0)return{type:`written`,version:n,lineage:t,session:void 0};let{0:r,1:i,2:a,3:o}=K(e);switch(r){case`written`:return{type:`written`,version:Number(i),session:G(o,a,`unknown`)};case`conflict`:return{type:`conflict`,session:G(a,i,`not-applied`)};case`missing`:if(J(e))throw ur();return{type:r};case`fenced`:return{type:r};default:throw q()}}function gr(e){let{0:t,1:n,2:r}=K(e);switch(t){case 1:case`1`:return{type:`touched`};case`missing`:return{type:`missing`};case`index`:return{type:`index`,subject:String(n),absoluteAt:Number(r)||1/0};default:throw q()}}function _r(e,t){let n=lr(e);if(n!==void 0)return{type:`rotated`,version:n,lineage:t,session:void 0};let{0:r,1:i,2:a,3:o}=K(e);switch(r){case`rotated`:return{type:`rotated`,version:Number(i),session:G(o,a,`unknown`)};case`index`:return{type:`index`,absoluteAt:Number(i)||1/0};case`missing`:if(J(e))throw ur();return{type:r};case`fenced`:case`revoked`:return{type:r};default:throw q()}}function vr(e){let{0:t,1:n}=K(e);switch(t){case`held`:return{type:`held`,metadata:n};case`gone`:case`missing`:return{type:`gone`};default:throw q()}}function yr(e){let{0:t,1:n,2:r}=K(e);switch(t){case`destroyed`:return{type:`destroyed`,subject:typeof n==`string`?n:void 0,holders:ar(r)};case`missing`:case`denied`:case`other`:return{type:t};default:throw q()}}function br(e){let{0:t}=K(e);switch(t){case`applied`:case`not-applied`:return t;default:return}}var xr=class{#e;#t;#n;constructor(e,t,n){this.#e=e,this.#t=t,this.#n=n}async one(e,t,n){return this.#r(n,t,async n=>{let r=await this.#i(e,t,n,void 0);return r.type===`destroyed`?(r.subject!==void 0&&this.#t.missed(r.subject,[e]),/* @__PURE__ */ new Map([[e,r.holders]])):/* @__PURE__ */ new Map})}async subject(e,t,n){return this.#r(n,t,async n=>{let{hash:r,epoch:i,ids:a}=await this.#t.raise(e),o=/* @__PURE__ */ new Map,s=[];for(let c=0;c<a.length;c+=256){let l=a.slice(c,c+256),u=await Sr(l.map(a=>this.#i(a,t,n,{subject:e,hash:r,epoch:i})));l.forEach((e,t)=>{let n=u[t];n?.type===`destroyed`&&o.set(e,n.holders),n?.type!==`other`&&s.push(e)})}return this.#t.missed(e,s),o})}async#r(e,t,n){if(e===void 0)return{destroyed:[...(await n(void 0)).keys()],closed:0,unreachable:[]};let{confirmMs:r}=this.#e.settings,{confirmations:i}=e,a=String(this.#e.nextSequence());i.open(a);try{await e.listening(performance.now()+r);let o=await n(a),s=0;for(let n of o.keys())s+=e.end(n,t);let c=await i.collect(a,this.#o(o),this.#a,r),l=s+c.closed;return{destroyed:[...o.keys()],closed:l,unreachable:c.unreachable}}finally{i.close(a)}}async#i(e,t,n,r){let{calls:i,keys:a,node:o,nextSequence:s,settings:c}=this.#e,l=s(),u=i.deadline(),d=Kn(e,t,n===void 0?void 0:{node:o,token:n}),f=t===void 0?[``,``]:[`1`,t],p=r===void 0?[``,``,``,``]:[`1`,r.subject,r.hash,String(r.epoch)],m=[o,String(l),String(c.tombstoneMs),d,...f,...p];try{return yr(await i.timedScript(`destroy`,a.session(e),m,u))}catch(t){throw this.#n.remember(t,`destroy`,e,l,u)}}#a=async e=>{let{calls:t,keys:n}=this.#e;return Number(await t.command(`exists`,[n.lease(e)]))===0};#o(e){let t=/* @__PURE__ */ new Map;for(let[n,r]of e)for(let{node:e}of r){if(e===this.#e.node)continue;let r=t.get(e);r===void 0?t.set(e,[n]):r.push(n)}return t}};async function Sr(e){try{return await Promise.all(e)}catch(e){throw z(`not all of the subject's sessions could be destroyed`,`unknown`,Error(String(e)))}}const Cr=0x9184e72a000;function wr(e){return e<Cr?Math.max(1,Math.ceil(e)):1/0}function Y(e){let t=wr(e);return t===1/0?`0`:String(t)}function Tr(e){return String(Math.ceil(Math.min(e,Cr)))}var Er=class{#e;#t;#n;#r=/* @__PURE__ */ new Set;#i;#a;#o;#s=!1;constructor(e,t,n){this.#e=e,this.#t=t,this.#n=n,e.on(`ready`,this.#c),e.on(`close`,this.#l),e.on(`end`,this.#u),e.status===`ready`&&this.askTime()}get open(){return this.#n.known&&this.#e.status===`ready`&&!this.#s}wait(e){if(this.open)return Promise.resolve();let{status:t}=this.#e;return t===`end`||this.#s?Promise.reject(Dr()):new Promise((n,r)=>{let i={resolve:n,reject:r,timer:setTimeout(()=>{this.#r.delete(i),r(z(`Redis can't be reached`,`not-applied`,this.#o))},Math.max(0,e-performance.now()))};this.#r.add(i),t===`wait`?this.#e.connect().catch(()=>void 0):t===`ready`&&this.askTime()})}explain(e){this.#o=e}close(){this.#s=!0,clearTimeout(this.#a),this.#e.off(`ready`,this.#c),this.#e.off(`close`,this.#l),this.#e.off(`end`,this.#u),this.#u()}askTime(){if(this.#s||this.#e.status!==`ready`)return;let e=performance.now();this.#i!==void 0&&e<this.#i+1e3||(this.#i=e,this.#t.send(`time`,[]).promise.then(t=>{this.#i=void 0;let[n,r]=Array.isArray(t)?t.map(Number):[];n!==void 0&&r!==void 0&&(this.#n.observe(n*1e3+Math.floor(r/1e3),e,performance.now()),this.open&&this.#d())},()=>{this.#i=void 0,clearTimeout(this.#a),this.#a=setTimeout(()=>this.askTime(),50),this.#a.unref()}))}#c=()=>this.askTime();#l=()=>this.#n.forget();#u=()=>{for(let e of this.#r)clearTimeout(e.timer),e.reject(Dr());this.#r.clear()};#d(){this.#o=void 0;for(let e of this.#r)clearTimeout(e.timer),e.resolve();this.#r.clear()}};function Dr(){return z(`the store or its Redis client was closed`,`not-applied`)}const Or=/^[A-Za-z0-9_-]{1,64}$/,kr=/^[A-Za-z0-9_.:-]{1,64}$/,Ar=/\p{Surrogate}/u,jr=/[[\]*?\\]/g;function X(e){return Or.test(e)}var Mr=class{#e;constructor(e,t){if(!kr.test(e))throw new d(`INVALID_ARGUMENT`,`redisStore: prefix is 1 to 64 letters, digits or any of _ . : -`);this.#e=t+e}session(e){return`${this.#e}:s:{${e}}`}get sessions(){return`${this.#e.replace(jr,`\\$&`)}:s:{*}`}idOf(e){let t=`${this.#e}:s:{`,n=e.slice(t.length,-1);return e.startsWith(t)&&e.endsWith(`}`)&&X(n)?n:void 0}lease(e){return`${this.#e}:n:${e}`}channel(e){return`${this.#e}:k:${e}`}index(e){return`${this.#e}:u:{${e.slice(0,2)}}`}epoch(e){return`${this.#e}:g:{${e.slice(0,2)}}${e.slice(2)}`}};function Nr(e,t){return e.slice(2)+t}function Pr(e){return e.slice(10)}function Fr(e){let t=e.slice(2);return[`[${t}`,`(${t}~`]}function Z(e){if(Ar.test(e))throw new d(`INVALID_ARGUMENT`,`a subject is well-formed Unicode`,{outcome:`not-applied`});return n(`sha256`).update(e).digest(`base64url`).slice(0,12)}function Ir(){return Math.trunc(Math.random()*2**31)}var Lr=class{#e;#t;#n;constructor(e,t,n){this.#e=e,this.#t=t,this.#n=n}async begin(e,t,n,r){let{calls:i}=this.#e;await i.ready(r);let a=i.serverNow()??0;return(await V(this.#t.list(e,t,a+wr(n),r))).epoch}async rotate(e){let{calls:t,nextSequence:n}=this.#e,{id:r,subject:i}=e,a=t.deadline(),o=this.#n.before(r,a);o!==void 0&&await o;let s=n();if(i===void 0){let t=await this.#r(e,s,a,[``,``,``,``,`0`]);return t.type===`index`?{type:`missing`}:t}let c=Z(i),l=await this.#i(r,a),u;for(;l!==void 0;){let t=await V(this.#t.list(i,r,l,a));u??=t.epoch;let n=[`1`,i,c,String(u),Rr(l)],o=await this.#r(e,s,a,n);if(o.type!==`index`)return o;l=o.absoluteAt}return{type:`missing`}}async touch(e,t,n){let{calls:r,keys:i}=this.#e,a=r.deadline(),o=[``,`0`];for(;;){let s=gr(await r.timedScript(`touch`,i.session(e),[t,n,...o],a));if(s.type!==`index`)return s.type===`touched`;let c=s.absoluteAt+r.timeoutMs;await V(this.#t.list(s.subject,e,c,a)),o=[s.subject,Rr(c)]}}async#r(e,t,n,r){let{calls:i,keys:a,node:o}=this.#e,{id:s,digest:c,renewalDigest:l,renewalMs:u,graceMs:d,fence:f,known:p,lineage:m}=e,h=Ir(),g=[c,l,Tr(u),Tr(d)],_=[o,String(t),...g,...r,f===void 0?``:String(f),String(p),m===void 0?``:String(m),String(h)];try{return _r(await i.timedScript(`rotate`,a.session(s),_,n),e.subject===void 0||m===void 0?m:h)}catch(e){throw this.#n.remember(e,`write`,s,t,n)}}async#i(e,t){let{calls:n,keys:r}=this.#e,i=await V(n.command(`hget`,[r.session(e),`m`],t));return i===null?void 0:W(i).absoluteAt}};function Rr(e){return Number.isFinite(e)?String(Math.ceil(e)):`0`}var zr=class{#e;#t;constructor(e,t){this.#e=e,this.#t=t}async sweep(e,t,n=/* @__PURE__ */ new Map){let r=await Promise.all(t.map(({node:e})=>this.#n(e,n))),i=t.filter((e,t)=>r[t]===!1);if(i.length>0){let t=i.map(({entry:e})=>e);this.#e.script(`drop`,[this.#t.session(e)],t).catch(()=>void 0)}return i}#n(e,t){let n=t.get(e);if(n!==void 0)return n;let r=this.#e.command(`exists`,[this.#t.lease(e)]).then(e=>Number(e)===1);return t.set(e,r),r}},Br=class{#e;#t;constructor(e){this.#e=e,this.#t=Q(e)?void 0:new Hr(e)}send(e,t){let n=new Vr(e,t);return this.#t===void 0?this.#e.sendCommand(n):this.#t.add(n),n}},Vr=class extends u{attempts=0;constructor(e,t){super(e,[],{replyEncoding:`utf8`}),this.args=t}toWritable(e){return this.attempts+=1,super.toWritable(e)}},Hr=class{#e;#t;#n=[];#r;#i=!1;#a=!1;#o=``;constructor(e){this.#e=e,this.#t={isPipeline:!0,destination:{redis:e},write:t=>{this.#a?this.#o+=String(t):e.stream.write(t)}}}add(e){let t=this.#n.length===0&&this.#r?.isSettled!==!1;this.#n.push(e),this.#r=e,t||this.#n.length>=32?this.#s():this.#i||(this.#i=!0,process.nextTick(()=>{this.#i=!1,this.#s()}))}#s(){let e=this.#n;this.#n=[],this.#a=!0;try{for(let t of e)this.#e.sendCommand(t,this.#t)}finally{this.#a=!1,this.#o!==``&&this.#e.stream.write(this.#o),this.#o=``}}};function Ur(e){return e.options.keyPrefix??``}function Q(e){return e.isCluster}var Wr=class{#e;#t;#n;#r;constructor(e,t,n){this.#e=e,this.#t=t,this.#n=new zr(e.calls,e.keys),this.#r=n}async*ids(){let{client:e,calls:t}=this.#e;await t.command(`ping`,[]);let n=Q(e)?e.nodes(`master`):[e],r=/* @__PURE__ */ new Set;for(let e of n){let t=`0`;do{let[n,i]=await this.#a(e,t),a=i.filter(e=>!r.has(e));for(let e of a)r.add(e);yield*await this.live(a,()=>!0),t=n}while(t!==`0`)}}async bySubject(e){let t=await this.#t.ids(e),n=await this.live(t,t=>t.subject===e);if(n.length<t.length){let r=new Set(n);this.#t.missed(e,t.filter(e=>!r.has(e)))}return n}async live(e,t){let n=[];for(let r=0;r<e.length;r+=128){let i=e.slice(r,r+128),a,o=await Promise.all(i.map(e=>this.#i(e).catch(e=>{if(!f(e,`CORRUPT_RECORD`))throw e;a=e})));a!==void 0&&this.#r(a),i.forEach((e,r)=>{let i=o[r];i!==void 0&&t(i)&&n.push(e)})}return n}async presence(e){let t=(await this.#i(e))?.holders??[],n=await this.#n.sweep(e,t);return{nodes:t.filter(e=>!n.includes(e)).map(({node:e,connections:t})=>({node:e,connections:t})),missing:n.map(({node:e})=>e)}}async#i(e){let{calls:t,keys:n}=this.#e,r=await t.command(`hmget`,[n.session(e),`m`,`s`,`h`]),[i,a,o]=Array.isArray(r)?r:[];if(typeof i!=`string`)return;let{idleAt:s,absoluteAt:c}=W(i);if(!(Math.min(s,c)<=(t.serverNow()??0)))return{subject:typeof a==`string`?a:void 0,holders:ar(o)}}#a(e,t){let{keys:n,settings:r}=this.#e;return new Promise((i,a)=>{let o=setTimeout(()=>a(z(`Redis did not answer in time`,`not-applied`)),r.timeoutMs);e.scan(t,`MATCH`,n.sessions,`COUNT`,`512`).then(([e,t])=>{clearTimeout(o),i([e,t.flatMap(e=>n.idOf(e)??[])])},e=>{clearTimeout(o),a(yn(e))})})}},Gr=class{#e=/* @__PURE__ */ new Map;open(e){this.#e.set(e,{heard:/* @__PURE__ */ new Map,waiting:void 0,closed:0,finish:()=>void 0})}hear({token:e,node:t,id:n,closed:r}){let i=this.#e.get(e);if(i===void 0)return;let a=i.heard.get(t)??/* @__PURE__ */ new Set;if(i.heard.set(t,a),a.has(n))return;a.add(n),i.closed+=r;let o=i.waiting?.get(t);o?.delete(n),o?.size===0&&Kr(i,t)}async collect(e,t,n,r){let i=this.#e.get(e);if(i===void 0)return{closed:0,unreachable:[...t.keys()]};let a=/* @__PURE__ */ new Map;for(let[e,n]of t){let t=new Set(n.filter(t=>i.heard.get(e)?.has(t)!==!0));t.size>0&&a.set(e,t)}i.waiting=a;let o=[];return a.size>0&&await new Promise(e=>{let t=setTimeout(e,r);i.finish=()=>{clearTimeout(t),e()};for(let e of a.keys())n(e).then(t=>{t&&a.has(e)&&(o.push(e),Kr(i,e))},()=>void 0)}),{closed:i.closed,unreachable:[...o,...a.keys()]}}close(e){this.#e.delete(e)}};function Kr(e,t){e.waiting?.delete(t),e.waiting?.size===0&&e.finish()}var qr=class{#e;#t=/* @__PURE__ */ new Map;constructor(e){this.#e=e}expect(e){let t=this.#t.get(e);t===void 0?this.#t.set(e,{pending:1,kept:[]}):t.pending+=1}settled(e){let t=this.#t.get(e);t!==void 0&&(--t.pending,t.pending>0||(t.kept.length===0?this.#t.delete(e):setImmediate(()=>{if(!(t.pending>0)){this.#t.delete(e);for(let e of t.kept)e()}})))}deliver(e,t){let n=this.#t.get(e.id)?.kept;if(n===void 0){let n=this.#e.held(e.id)===void 0?0:this.#e.notify(e);t?.(n);return}let r=this.#e.held(e.id)===void 0?0:this.#e.notify(e);n.push(()=>{let n=this.#e.held(e.id)===void 0?0:this.#e.notify(e);t?.(r+n)})}},Jr=class{#e;#t;#n;#r;#i;#a=/* @__PURE__ */ new Map;constructor(e,t,n,r,i){this.#e=e,this.#t=t,this.#n=n,this.#r=r,this.#i=i}begin(e){let t=this.#a.get(e)??{count:0,pending:0,sequence:0,told:0,uncertain:!1,syncing:void 0};return this.#a.set(e,t),t.count+=1,t.pending+=1,{id:e,sequence:this.#r(),count:t.count}}held(e){this.#o(e.id,t=>Yr(t,e.sequence,e.count))}refused(e){this.#o(e.id,e=>--e.count)}failed(e){this.#o(e.id,e=>{--e.count,e.uncertain=!0})}async release(e){let t=this.#a.get(e);t!==void 0&&t.count!==0&&(--t.count,t.pending===0&&await this.#l(e,t))}repair(){for(let[e,t]of this.#a)this.#s(e,t)}isListed(e){return e.some(({node:e})=>e===this.#n)}async register(e){let t=this.#a.get(e);return t===void 0||t.count===0?void 0:this.#d(e,t)}async releaseAll(){let e=[...this.#a].map(([e,t])=>(t.count=0,this.#l(e,t)));await Promise.allSettled(e)}#o(e,t){let n=this.#a.get(e);n!==void 0&&(--n.pending,t(n),this.#s(e,n))}#s(e,t){t.pending>0||this.#c(e,t)||this.#l(e,t).catch(this.#i)}#c(e,t){return t.syncing!==void 0||t.uncertain||t.told!==t.count?!1:(t.count===0&&t.pending===0&&this.#a.get(e)===t&&this.#a.delete(e),!0)}async#l(e,t){for(;!this.#c(e,t);)if(t.syncing??=this.#u(e,t),await t.syncing,t.pending>0)return}async#u(e,t){try{await void 0,await this.#d(e,t)}finally{t.syncing=void 0}}async#d(e,t){let n=this.#r(),{count:r}=t,i;try{i=await this.#e.timedScript(`hold`,this.#t.session(e),[this.#n,String(n),String(r)])}catch(e){throw t.uncertain=!0,e}return vr(i).type===`held`?Yr(t,n,r):Yr(t,n,t.count),i}};function Yr(e,t,n){t<=e.sequence||(e.sequence=t,e.told=n,e.uncertain=!1)}var Xr=class{#e;#t;#n;#r;#i;#a;#o=0;#s=!1;#c=!1;#l;#u;#d=!1;constructor(e,t,n,r,i,a){this.#e=e,this.#t=t,this.#n=n.lease(r),this.#r=i,this.#i=a.lapsed,this.#a=a.beat}ensure(){return performance.now()<this.#o?void 0:this.#f()}open(){this.#u=setInterval(()=>{this.#a(),this.#t.askTime(),this.#f().catch(()=>void 0)},this.#r/3),this.#u.unref(),this.#f().catch(()=>void 0)}async close(){this.#d=!0,clearInterval(this.#u),await this.#l?.catch(()=>void 0),await this.#e.command(`del`,[this.#n]).catch(()=>void 0)}#f(){return this.#l??=this.#p().finally(()=>this.#l=void 0),this.#l}async#p(){if(this.#d)return;let e=performance.now(),t=[`1`,`PX`,String(this.#r)];this.#s&&await this.#e.command(`set`,[this.#n,...t,`XX`])!==null||(this.#c=this.#s,await this.#e.command(`set`,[this.#n,...t])),this.#o=e+this.#r,this.#s=!0,this.#c&&(this.#c=!1,this.#i())}},Zr=class{#e;#t;#n;#r;#i;#a=/* @__PURE__ */ new Map;#o;#s;#c=!1;#l;#u;#d=!1;constructor(e,t,n,r,i){this.#e=e,this.#t=t,this.#n=n,this.#r=r,this.#i=new zr(e,t),this.#o=i}open(){this.#d||(this.#s=setTimeout(()=>{this.#r.repair(),this.run(!1).then(()=>this.open())},this.#o*(.5+Math.random()/2)),this.#s.unref())}close(){this.#d=!0,clearTimeout(this.#s),clearTimeout(this.#u?.timer)}async run(e){if(this.#c){this.#l={register:e||this.#l?.register===!0};return}this.#c=!0;let t=e||this.#u?.register===!0;clearTimeout(this.#u?.timer),this.#u=void 0,this.#a=/* @__PURE__ */ new Map;try{let e=[...this.#n.heldIds()];for(let n=0;n<e.length&&!this.#d;n+=128){let r=e.slice(n,n+128).map(e=>this.#p(e,t)),i=(await Promise.allSettled(r)).filter(e=>e.status===`rejected`);if(i[0]!==void 0&&this.#n.onError(i[0].reason),i.some(({reason:e})=>f(e,`STORE_UNAVAILABLE`))){this.#f(t);break}}}catch(e){this.#n.onError(e)}this.#c=!1;let n=this.#l;this.#l=void 0,n!==void 0&&!this.#d&&await this.run(n.register)}#f(e){if(this.#d)return;let t=setTimeout(()=>void this.run(e),500);t.unref(),this.#u={timer:t,register:e}}async#p(e,t){let n=await this.#m(e,t),r=this.#n.held(e);if(r===void 0||Qr(r,n,this.#e.serverNow()))return;let i=fr(await this.#e.script(`load`,[this.#t.session(e)],[])),a=this.#n.held(e);a!==void 0&&(i.type===`session`?this.#h(e,a,i.session,$r(r,a,i.session)):this.#n.notify(i.type===`missing`?{type:`expired`,id:e}:{type:`destroyed`,id:e,reason:i.reason}))}async#m(e,t){if(!t){let t=await this.#e.command(`hmget`,[this.#t.session(e),`m`,`h`]),[n,r]=Array.isArray(t)?t:[],i=ar(r);if(await this.#i.sweep(e,i,this.#a),typeof n!=`string`||this.#r.isListed(i))return n}let n=await this.#r.register(e);if(n===void 0)return this.#e.command(`hget`,[this.#t.session(e),`m`]);let r=vr(n);return r.type===`held`?r.metadata:void 0}#h(e,t,n,r){n.fence>t.fence&&this.#n.notify({type:`replaced`,id:e,fence:n.fence}),(r||n.version>t.version)&&this.#n.notify({type:`loaded`,id:e,session:n,behind:r})}};function Qr(e,t,n){if(typeof t!=`string`||n===void 0)return!1;let{version:r,lineage:i,fence:a,idleAt:o,absoluteAt:s}=W(t);return r===e.version&&i===e.lineage&&a<=e.fence&&o>n&&s>n}function $r(e,t,n){return e.version!==t.version||e.lineage!==t.lineage?!1:n.version<t.version||n.version===t.version&&n.lineage!==t.lineage}const ei={autoResubscribe:!1,autoResendUnfulfilledCommands:!1,commandTimeout:void 0,connectionName:`wsession`,enableAutoPipelining:!1,enableOfflineQueue:!0,keyPrefix:``,lazyConnect:!0,maxRetriesPerRequest:null,readOnly:!1,retryStrategy:null};var ti=class{#e;#t;#n;#r;#i=/* @__PURE__ */ new Set;#a;#o=!1;#s;#c=!1;#l=50;#u;#d=!1;constructor(e,t,n,r){this.#e=e,this.#t=t,this.#n=n,this.#r=r}get confirmed(){return this.#o}open(){this.#f()}wait(e){return this.#o?Promise.resolve():new Promise((t,n)=>{let r=()=>{clearTimeout(i),this.#i.delete(r),t()},i=setTimeout(()=>{this.#i.delete(r),n(z(`the subscription to announcements is not there`,`not-applied`,this.#s))},Math.max(0,e-performance.now()));this.#i.add(r)})}check(){let e=this.#a;if(e===void 0||!this.#o)return;let t=setTimeout(()=>e.disconnect(),this.#n);t.unref();let n=()=>clearTimeout(t);e.ping().then(n,n)}close(){this.#d=!0,this.#o=!1,clearTimeout(this.#u),this.#a?.disconnect(),this.#a=void 0}#f(){if(this.#d)return;let e=ni(this.#e);if(e===void 0)return this.#g();this.#a=e,e.on(`error`,e=>this.#p(e)),e.on(`message`,(e,t)=>this.#r.message(t)),e.once(`end`,()=>{this.#a===e&&(this.#a=void 0),this.#o=!1,this.#g()}),this.#m(e).then(()=>this.#h(e),t=>{this.#s===void 0&&this.#p(t),e.disconnect()})}#p(e){this.#s=bn(e),this.#r.failed(this.#s)}async#m(e){let t=setTimeout(()=>e.disconnect(),this.#n);t.unref();try{await e.connect(),await e.subscribe(this.#t)}finally{clearTimeout(t)}}#h(e){if(!(this.#d||this.#a!==e)){this.#o=!0,this.#s=void 0,this.#l=50;for(let e of[...this.#i])e();this.#c&&this.#r.resubscribed(),this.#c=!0}}#g(){this.#d||(clearTimeout(this.#u),this.#u=setTimeout(()=>this.#f(),this.#l*(.5+Math.random())),this.#u.unref(),this.#l=Math.min(this.#l*2,2e3))}};function ni(e){if(!Q(e))return e.duplicate(ei);let t=e.nodes(`all`);return t[Math.floor(Math.random()*t.length)]?.duplicate(ei)}var ri=class{#e;#t;#n;constructor(e,t,n){this.#e=e,this.#t=t,t.expect(n),this.#n=e.begin(n)}get sequence(){return this.#n.sequence}get count(){return String(this.#n.count)}answered(e,t){e?this.#e.held(this.#n):t?this.#e.failed(this.#n):this.#e.refused(this.#n),this.#t.settled(this.#n.id)}failed(e){f(e)&&e.outcome===`not-applied`?this.#e.refused(this.#n):this.#e.failed(this.#n),this.#t.settled(this.#n.id)}},ii=class{confirmations=new Gr;delivery;holdings;#e;#t;#n;#r;#i;#a=/* @__PURE__ */ new Map;constructor(e,t){let{client:n,settings:r,calls:i,gate:a,keys:o,node:s,nextSequence:c}=e;this.#e=e,this.#t=t,this.delivery=new qr(t),this.holdings=new Jr(i,o,s,c,e=>t.onError(e)),this.#i=new Zr(i,o,t,this.holdings,r.sweepMs),this.#n=new ti(n,o.channel(s),r.timeoutMs,{message:e=>this.#o(e),resubscribed:()=>void this.#i.run(!1),failed:e=>a.explain(e)}),this.#r=new Xr(i,a,o,s,r.leaseMs,{lapsed:()=>void this.#i.run(!0),beat:()=>this.#n.check()})}open(){this.#n.open(),this.#r.open(),this.#i.open()}ready(e){let t=this.#r.ensure();return this.#n.confirmed?t:Promise.all([this.#n.wait(e),t]).then(()=>void 0)}register(e){return new ri(this.holdings,this.delivery,e)}async listening(e){this.#n.confirmed||await this.#n.wait(e).catch(()=>void 0)}end(e,t){return this.#t.held(e)===void 0?0:this.#t.notify({type:`destroyed`,id:e,reason:t})}async close(){this.#i.close(),this.#n.close(),await this.holdings.releaseAll(),await this.#r.close()}#o(e){let t=Jn(e);if(t===void 0)return;if(t.type===`confirmations`){for(let e of t.confirmations)this.confirmations.hear(e);return}let{event:n,confirm:r}=t;this.delivery.deliver(n,r&&(e=>this.#s(r,n.id,e)))}#s(e,t,n){let r=`${e.node} ${e.token}`,i=this.#a.get(r);i===void 0?(this.#a.set(r,{request:e,closed:[[t,n]]}),setImmediate(()=>{let{calls:t,keys:n,node:i}=this.#e,a=this.#a.get(r)?.closed??[];this.#a.delete(r);let o=qn(e.token,i,a);t.command(`publish`,[n.channel(e.node),o]).catch(e=>this.#t.onError(e))})):i.closed.push([t,n])}};function ai(e){return typeof e==`object`&&!!e&&`sendCommand`in e&&typeof e.sendCommand==`function`&&`options`in e}function oi(e){let t=typeof e==`object`&&e&&`client`in e?e.client:void 0;if(!ai(t))throw new d(`INVALID_ARGUMENT`,`redisStore: client is a Redis or Cluster of ioredis`);return si(t),t}function si(e){if(Q(e)&&(e.options.scaleReads??`master`)!==`master`)throw new d(`INVALID_ARGUMENT`,`redisStore: the client's scaleReads is not "master", and replicas may not have yet what was acknowledged`)}const ci=[`client`,`prefix`,`timeoutMs`,`maxBytes`,`leaseMs`,`sweepMs`,`confirmMs`,`onError`];function li(e){m(`redisStore`,e,ci);let t=$(`timeoutMs`,e.timeoutMs??2e3),n=$(`sweepMs`,e.sweepMs??3e4);return{prefix:e.prefix??`ws`,timeoutMs:t,maxBytes:$(`maxBytes`,e.maxBytes??65536),leaseMs:$(`leaseMs`,e.leaseMs??15e3),sweepMs:n,confirmMs:$(`confirmMs`,e.confirmMs??1e3),tombstoneMs:Math.ceil(Math.max(6e4,10*t,3*n))}}function $(e,t){if(Number.isInteger(t)&&t>0&&t<2**31)return t;throw new d(`INVALID_ARGUMENT`,`redisStore: ${e} is a whole number above 0`)}const ui=2**31-1;var di=class{#e;#t;#n;#r=/* @__PURE__ */ new Set;#i=/* @__PURE__ */ new Set;#a;#o=1;#s=!1;constructor(e,t,n){this.#e=e,this.#t=t,this.#n=n}get share(){return this.#o}look(e,t){let n=t.filter(e=>this.#r.has(e)),r=t.filter(e=>!this.#r.has(e));this.#d(r).then(t=>{t.length+n.length===0&&(this.#o=Math.max(1,this.#o>>1)),this.suspect(e,t)},()=>void 0)}suspect(e,t){if(this.#s)return;let n=[...new Set(t)].filter(e=>!this.#r.has(e)).slice(0,65536-this.#r.size);if(n.length!==0){for(let e of n)this.#r.add(e);this.#i.add({index:e,entries:n,dueAt:performance.now()+this.#n}),this.#c()}}close(){this.#s=!0,clearTimeout(this.#a),this.#i.clear(),this.#r.clear()}#c(){let[e]=this.#i;this.#a===void 0&&e!==void 0&&(this.#a=setTimeout(()=>{this.#a=void 0,this.#l(),this.#c()},Math.min(Math.max(0,e.dueAt-performance.now())+1,ui)),this.#a.unref())}#l(){let e=performance.now();for(let t of this.#i){if(t.dueAt>e)break;this.#i.delete(t);let{index:n,entries:r}=t;for(let e of r)this.#r.delete(e);this.#u(n,r).catch(()=>void 0)}}async#u(e,t){let n=await this.#d(t);n.length!==0&&(this.#o=8,await this.#e.command(`zrem`,[e,...n]))}async#d(e){let t=await Promise.all(e.map(e=>this.#e.command(`exists`,[this.#t.session(Pr(e))])));return e.filter((e,n)=>Number(t[n])===0)}},fi=class{#e;#t;#n;constructor(e,t,n){this.#e=e,this.#t=t,this.#n=new di(e,t,n)}async list(e,t,n,r){let i=Z(e),a=n===1/0?`0`:String(Math.ceil(n)+6e4),o=this.#t.index(i),s=Nr(i,t),c=[s,a,String(this.#n.share)],[l,...u]=pi(await this.#e.script(`index-add`,[o,this.#t.epoch(i)],c,r)),d=new Set(mi(u));return d.delete(s),this.#n.look(o,[...d]),{epoch:Number(l)}}async raise(e){let t=Z(e),n=[this.#t.index(t),this.#t.epoch(t)],[r,...i]=pi(await this.#e.script(`index-raise`,n,[`86400000`,...Fr(t)]));return{hash:t,epoch:Number(r),ids:mi(i).map(Pr)}}async ids(e){let t=Z(e);return mi(pi(await this.#e.command(`zrangebylex`,[this.#t.index(t),...Fr(t)]))).map(Pr)}missed(e,t){let n=Z(e);this.#n.suspect(this.#t.index(n),t.map(e=>Nr(n,e)))}close(){this.#n.close()}};function pi(e){return Array.isArray(e)?e:[]}function mi(e){return e.filter(e=>typeof e==`string`)}const hi=5e4;var gi=class{#e;#t;#n;#r=/* @__PURE__ */ new WeakMap;#i=/* @__PURE__ */ new Map;constructor(e,t,n){this.#e=e,this.#t=t,this.#n=n}remember(e,t,n,r,i){if(f(e)&&e.outcome===`unknown`){let a={kind:t,id:n,sequence:r,deadline:i,outcome:void 0};this.#r.set(e,a),t===`write`&&(this.#c(),this.#i.set(n,a))}return e}before(e,t){if(this.#i.size===0)return;let n=this.#i.get(e);return n===void 0?void 0:V(this.#o(n,t)).then(()=>void 0)}async outcome(e){let t=this.#a(e);return t===void 0?f(e)&&e.outcome===`not-applied`?`not-applied`:`unknown`:t.outcome===void 0?t.kind===`write`?this.#o(t,this.#e.deadline()):this.#s(t):t.outcome}#a(e){for(let t=e;t instanceof Error;t=t.cause){let e=this.#r.get(t);if(e!==void 0)return e}}async#o(e,t){let n=performance.now()>e.deadline+hi,r=[this.#n,String(e.sequence),n?`1`:``],i=br(await this.#e.timedScript(`settle`,this.#t.session(e.id),r,t));return e.outcome??=i,this.#i.get(e.id)===e&&this.#i.delete(e.id),i??`unknown`}async#s(e){let t=e.deadline-performance.now();t>=0&&await s(t+1);let n=fr(await this.#e.script(`load`,[this.#t.session(e.id)],[]));return e.kind===`destroy`?e.outcome=n.type===`session`?`not-applied`:`applied`:n.type===`session`?e.outcome=`applied`:n.type===`missing`&&(e.outcome=`not-applied`),e.outcome??`unknown`}#c(){let e=performance.now();for(let[t,n]of this.#i){if(e<=n.deadline+hi)break;this.#i.delete(t)}}};function _i(e){return new vi(e)}var vi=class{capabilities={resumable:!0,shared:!0,values:`json`};#e;#t;#n;#r;#i;#a;#o;#s;#c=()=>void 0;#l=0;#u;constructor(e){let t=oi(e),n=li(e),r=new Mr(n.prefix,Ur(t)),a=new Mn,o=new Br(t),s=new Er(t,o,a),c=new En(o,s,a,n.timeoutMs),l=i(6).toString(`base64url`);this.#o=e.onError,this.#e={client:t,settings:n,calls:c,gate:s,keys:r,node:l,nextSequence:()=>this.#l+=1},this.#t=new gi(c,r,l),this.#n=new fi(c,r,n.tombstoneMs),this.#r=new Lr(this.#e,this.#n,this.#t),this.#i=new xr(this.#e,this.#n,this.#t),this.#a=new Wr(this.#e,this.#n,e=>this.#c(e))}attach(e){if(this.#s!==void 0)throw new d(`INVALID_ARGUMENT`,`this redisStore() is in use already`);let t=this.#o??(t=>e.onError(t));this.#c=e=>xi(()=>t(e)),this.#s=new ii(this.#e,{held:t=>e.held(t),heldIds:()=>e.heldIds(),notify:t=>e.notify(t),onError:this.#c}),this.#s.open()}async create(e){let{id:t,subject:n,digest:r,idleMs:i,absoluteMs:a}=e,{calls:o,keys:s,node:c,settings:l,nextSequence:u}=this.#e;if(!X(t))throw new d(`INVALID_ARGUMENT`,`create: not a session id`,{outcome:`not-applied`});let{fields:f,bytes:p}=Fn(e.data,l.maxBytes),m=o.deadline(),h=n===void 0?``:String(await this.#r.begin(n,t,a,m)),g=this.#f(e,m);g!==void 0&&await g;let _=this.#p(e),v=_?.sequence??u(),y=[Y(i),Y(a),String(e.schemaVersion)],ee=n===void 0?[``,``,``]:[`1`,n,h],te=[c,String(v),r??``,...y,...ee,_?.count??``,yi(e.exclusive),String(p),String(Ir()),...f];try{let e=await o.timedScript(`create`,s.session(t),te,m),n=dr(e);return _?.answered(n.type===`created`,J(e)),n}catch(e){throw _?.failed(e),this.#t.remember(e,`create`,t,v,m)}}async resume(e){let{id:t,digest:n,nextDigest:r,subject:i,idleMs:a}=e,{calls:o,keys:s,node:c,nextSequence:l}=this.#e;if(!X(t))return{type:`missing`};if(n===``)return{type:`wrong`};let u=o.deadline(),d=this.#f(e,u);d!==void 0&&await d;let f=this.#p(e),p=[c,String(f?.sequence??l()),n??``,r??``,Y(a),f?.count??``,yi(e.exclusive)];i!==void 0&&p.push(i);try{let e=await o.timedScript(`resume`,s.session(t),p,u),n;try{n=pr(e)}catch(n){let r=mr(e);throw r!==void 0&&await o.script(`restore`,[s.session(t)],r,u),n}return f?.answered(n.type===`resumed`,J(e)),n}catch(e){throw f?.failed(e),e}}async load(e){if(!X(e))return;let t=fr(await this.#e.calls.script(`load`,[this.#e.keys.session(e)],[]));return t.type===`session`?t.session:void 0}async write(e){let{id:t,expect:n,known:r,lineage:i,fence:a,schemaVersion:o}=e,{calls:s,keys:c,node:l,settings:u,nextSequence:d}=this.#e;if(!X(t))return{type:`missing`};let{mode:f,set:p,unset:m}=In(e.change,n,u.maxBytes),h=s.deadline(),g=this.#t.before(t,h);g!==void 0&&await g;let _=d(),v=Ir(),y=[l,String(_),bi(n),String(r),bi(i),String(v),bi(a),String(o),String(u.maxBytes),`2048`,f,String(p.length/2)].concat(p,m);try{return hr(await s.timedScript(`write`,c.session(t),y,h),i===void 0?void 0:v)}catch(e){throw this.#t.remember(e,`write`,t,_,h)}}async touch(e,t,n){return X(e)&&this.#r.touch(e,Y(t),n===void 0?``:Y(n))}async rotate(e){return X(e.id)?this.#r.rotate(e):{type:`missing`}}async destroy(e,t,n){return X(e)?this.#i.one(e,t,n?this.#s:void 0):{destroyed:[],closed:0,unreachable:[]}}release(e){return this.#s?.holdings.release(e)??Promise.resolve()}ids(){return this.#a.ids()}bySubject(e){return this.#a.bySubject(e)}destroySubject(e,t){return this.#i.subject(e,t,this.#s)}async presence(e){return X(e)?this.#a.presence(e):{nodes:[],missing:[]}}outcome(e){return this.#t.outcome(e)}close(){return this.#u??=this.#d(),this.#u}async#d(){this.#n.close(),await this.#s?.close(),this.#e.gate.close()}#f(e,t){let n=e.hold?this.#s?.ready(t):void 0;return n===void 0?void 0:V(n)}#p({id:e,hold:t}){if(t){if(this.#s===void 0)throw new d(`INVALID_ARGUMENT`,`the store is not attached`,{outcome:`not-applied`});return this.#s.register(e)}}};function yi(e){return e?`1`:``}function bi(e){return e===void 0?``:String(e)}function xi(e){try{e()}catch{}}export{oe as accept,pn as bindSessions,Ht as createSessions,Ae as queryToken,_i as redisStore};