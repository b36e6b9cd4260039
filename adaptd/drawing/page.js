function two(n){return (n<10?'0':'')+n}
function both(d){var u=d.toISOString().replace('T',' ').slice(0,19)+' UTC';if(!d.getTimezoneOffset())return u;
return d.getFullYear()+'-'+two(d.getMonth()+1)+'-'+two(d.getDate())+' '+two(d.getHours())+':'+two(d.getMinutes())+':'+two(d.getSeconds())+
' here, '+u}
document.querySelectorAll('time').forEach(function(t){t.textContent=both(new Date(t.dateTime))});
(function(){var f=document.getElementById('lines'),n=document.getElementById('now'),w=document.getElementById('when');
if(!f||!n)return;var m=JSON.parse(f.dataset.moments),e=+f.dataset.end,l=+f.dataset.left,p=+f.dataset.plot,v=+f.dataset.width;
f.addEventListener('pointermove',function(event){var r=f.getBoundingClientRect(),x=(event.clientX-r.left)/r.width*v,a=(x-l)/p;
if(a<0||a>1){n.style.display='none';return}var t=a*e,k=m[0];for(var i=0;i<m.length&&m[i][0]<=t;i++)k=m[i];
n.style.display='block';n.style.left=(x/v*100)+'%';
w.textContent=both(new Date(k[1]+(t-k[0])/1000))});
f.addEventListener('pointerleave',function(){n.style.display='none'})})();
