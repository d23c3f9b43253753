#![cfg(feature = "sim")]
use std::time::{Duration, Instant};
use chinwag::sim::{NodeId, Sim};
use chinwag::{EventKind, MemberState};
#[test]
fn measure() {
    for n in [100usize, 1000] {
        for seed in 1..=(if n==100 {10} else {1}) {
            let t0 = Instant::now();
            let mut sim = Sim::new(seed);
            let nodes: Vec<NodeId> = (0..n).map(|i| sim.start(&format!("n{i}"))).collect();
            for &x in &nodes[1..] { sim.join(x, &nodes[..1]); }
            let ok = sim.run_until(Duration::from_secs(60), Sim::all_see_all);
            let tconv = sim.now().as_nanos() as f64/1e9; let p = sim.packets();
            println!("n={n} seed={seed} conv={ok} {tconv:.3}s packets={p} wall={:?}", t0.elapsed());
            sim.run_for(Duration::from_secs(20));
            println!("   steady packets/node/s {:.2}", (sim.packets()-p) as f64/20.0/n as f64);
            let victim = nodes[n/2];
            let at = sim.now();
            sim.crash(victim);
            let ok = sim.run_until(Duration::from_secs(120), |s| s.believers(victim, MemberState::Failed) == n-1);
            let mut fs = f64::MAX; let mut ff = f64::MAX; let mut lf: f64 = 0.0;
            for &o in &nodes { for (t,e) in sim.log(o) { if *t>at { let d=t.since(at).as_secs_f64(); match e { EventKind::MemberSuspect(m) if m.name()==sim.name(victim) => fs=fs.min(d), EventKind::MemberFailed(m) if m.name()==sim.name(victim) => {ff=ff.min(d); lf=lf.max(d)}, _=>{} } } } }
            println!("   crash ok={ok} first suspicion {fs:.3} first failed {ff:.3} last {lf:.3} wall={:?}", t0.elapsed());
            // tags
            let at = sim.now(); let p = sim.packets();
            sim.set_tags(nodes[1], &[("k".to_string(),"v".to_string())].into_iter().collect());
            sim.run_for(Duration::from_secs(3));
            let mut v=vec![]; for &o in &nodes { for (t,e) in sim.log(o) { if *t>at { if let EventKind::MemberUpdate{..}=e { v.push(t.since(at).as_secs_f64()*1000.0) } } } }
            v.sort_by(f64::total_cmp);
            println!("   update reached {} p50 {:.1}ms max {:.1}ms packets/node {:.2}", v.len(), v[v.len()/2], v[v.len()-1], (sim.packets()-p) as f64/n as f64);
        }
    }
}
