# An index: each target is one command, and the logic is where it is tested.
#   make test STEP=python    one step and what it waits for       make sim SEED=0x2a    one seed
#   make fuzz TARGETS=lzw SECONDS_EACH=600                        make seeds SEEDS=50000
#   make turmoil SEED=7 MINUTES=10     under load, as root        make soak-messages MINUTES=60
HOUSE = sh tests/steps/house.sh
NEMESIS = cargo run --locked -q --profile fuzz -p chinwag-fuzz --bin seeds
BENCH = cargo build --locked --release -p chinwag-bench

build:            ; cargo build --locked --release
test:             ; $(HOUSE) test "$(STEP)"
demo:             ; $(HOUSE) demo && target/release/chinwag demo
check:            ; $(HOUSE) check
setup:            ; sh tests/steps/setup.sh test
fmt:              ; cargo fmt --all
lint:             ; cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
header:           ; cargo test --locked -q -p chinwag-c --test header
scenarios:        ; $(HOUSE) test scenarios
sim:              ; cargo test --locked --release -p chinwag --features sim --tests
fuzz:             ; sh tests/steps/fuzz.sh $(TARGETS)
seeds:            ; $(NEMESIS) -- $(or $(SEEDS),1000) $(or $(LENGTH),50)
bench-membership: ; cargo run --locked --release -p chinwag-bench -- membership
bench-events:     ; cargo run --locked --release -p chinwag-bench -- events
bench-starvation: ; cargo run --locked --release -p chinwag-bench -- starvation
bench-sim:        ; nice $(BENCH) && nice target/release/chinwag-bench sim
bench-exchange:   ; $(BENCH) && target/release/chinwag-bench exchange
bench-faults:     ; $(BENCH) -p chinwag-cli && target/release/chinwag-bench faults
bench-ring:       ; $(BENCH) && target/release/chinwag-bench ring
instructions:     ; $(HOUSE) test instructions && cat target/steps/instructions.log
bench-clocks:     ; $(BENCH) && target/release/chinwag-bench clock
bench-hostile:    ; $(BENCH) -p chinwag-cli && target/release/chinwag-bench hostile
bench-messages:   ; $(BENCH) && target/release/chinwag-bench messages
turmoil:          ; $(BENCH) && target/release/chinwag-bench turmoil $(if $(SEED),--seed $(SEED)) \
                      --seconds $$(( $(or $(MINUTES),10) * 60 ))
soak-messages:    ; $(BENCH) && nice target/release/chinwag-bench soak --minutes $(or $(MINUTES),60)
install:          ; sh bindings-c/install.sh
docs:             ; cargo doc --locked -p chinwag --all-features --no-deps
clean:            ; cargo clean && rm -rf bindings-node/node_modules bindings-elixir/_build

.PHONY: build test demo check setup fmt lint header scenarios sim fuzz seeds docs install clean
.PHONY: bench-membership bench-events bench-starvation bench-faults bench-sim bench-exchange
.PHONY: bench-ring bench-clocks bench-hostile bench-messages instructions turmoil soak-messages
