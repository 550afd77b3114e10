"""Will an ability appear, when, and is the jump real? One question a file.

All at once, task by task: `emerge.emerge`.

| is there anything yet? | ask |
|---|---|
| how often does it pass, where a benchmark says 0? | `passes.pass_until.pass_rate` |
| how many passes are to be sampled, at what cost? | `passes.stopping.plan_passes` |
| does a task show a signal yet, and from which scale could it? | `trends.signal.signals` |
| how well does a benchmark tell models apart? | `trends.resolution.resolution` |
| with how many questions would it have been seen? | `jump.power.items_needed` |

| is the jump real? | ask |
|---|---|
| or is it made by the metric? | `jump.mirage.mirage`, `jump.metrics.margins` |
| where between likelihood and accuracy does it arise? | `choices.chain.metric_chain` |
| how sharp is the rise, where, how even? | `jump.sharpness.sharpness`, `jump.shape.shape` |
| does it grow faster than the law? | `passes.accelerated.accelerated` |
| and by steps that must all succeed, or by circuits? | `passes.hypotheses.explain` |
| do easy and hard questions hide each other's trends? | `trends.difficulty.difficulty_groups` |

| does it rise with scale, and is it what it is taken for? | ask |
|---|---|
| does a share rise or fall, over models that scatter? | `trends.trend.trend` |
| on which tasks is there progress, on which none? | `trends.progress.progress` |
| does the curve turn around, so that no law may be trusted? | `trends.turning.turning` |
| does a claim stand on items of another surface? | `trends.counterexample.counterexample` |
| does a model agree with itself? | `trends.consistency.consistency` |
| does it answer by position or label? | `choices.position_bias.position_bias` |
| and less so with size? | `choices.bias_scaling.bias_scaling` |
| at what complexity does it lean on what it has seen? | `trends.complexity.complexity_valley` |
| and how does that move with size? | `trends.critical_shift.critical_shift` |
| what does accuracy in distribution say of accuracy out of it? | `trends.in_and_out.in_and_out` |
| is it worse where data are few, or do small sites scatter? | `trends.subgroups.subgroups` |
| which way of training is best for a site of this size? | `trends.strategies.strategies` |

| what will it score at ten times the size? | ask |
|---|---|
| by every way there is, weighed by how it held out | `scores.forecast.forecast_scores` |
| from pass rates | `passes.task_law.task_law`, `passes.task_groups.task_groups` |
| from likelihoods of right and wrong choices | `choices.wrong_mass.forecast_through_choices` |
| from trends of easy and hard questions | `trends.slice_and_sandwich.slice_and_sandwich` |
| from other benchmarks | `scores.observational.observational`, `scores.skills.skills` |
| from benchmarks that hardly overlap | `scores.stitching.stitch` |
| how long a task, by when | `scores.horizon.horizon`, `scores.horizon_trend.horizon_trend` |

| when does it come? | ask |
|---|---|
| at which scale do scores reach a threshold? | `scores.arrival.arrivals` |
| over runs in some of which it has not yet? | `events.survival.time_to_event` |
| the same with no curve assumed | `events.kaplan_meier.kaplan_meier` |
| in this run, from its curves so far? | `events.partial_run.forecast_event` |
| will it generalise late, told by runs of other tasks? | `events.grokking.forecast_grokking` |
| what would bring it sooner? | `events.levers.levers` |
| in every run of a log, and as one runs? | `events.outlook.outlooks`, `events.story.retold` |
| under which settings does it, and under which never? | `events.phases.explore` |
| at which learning rate will the next size diverge? | `instability.lr_threshold.lr_threshold` |
| and told by its attention logits? | `instability.logit_growth.logit_growth` |
| how much worse does a poor learning rate end? | `instability.lr_sensitivity.lr_sensitivity` |
| is a transition near, on a recorded series? | `series.warning.early_warning`, `series.roc.auc` |
"""
