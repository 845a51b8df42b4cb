"""Ways to break the configuration, and the assertion that each must fail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change of one text in one file.

    Attributes:
        test: The test file that must notice, without its endings.
        told: Part of what is said then.
        alone: Whether it is tried by itself too, beside together with the others of its test file.
    """

    test: str
    told: str
    file: str
    old: str
    new: str
    alone: bool = False

    def apply(self, configuration: Path) -> None:
        """Change a copy. Raises ``AssertionError`` where the text is not, or not any more."""
        file = configuration / self.file
        text = file.read_text()
        assert self.old in text, f"{self.file} has no {self.old!r}"
        file.write_text(text.replace(self.old, self.new, 1))


FUNCTION = "modules/function/main.tf"
ALERTS = "modules/monitoring/alerts.tf"
METRICS = "modules/monitoring/metrics.tf"

MUTATIONS: dict[str, Mutation] = {
    "another's service account": Mutation(
        "functions",
        "Each function runs as a service account of its own.",
        FUNCTION,
        "service_account_email            = google_service_account.this.email",
        "service_account_email            = var.build.service_account",
        alone=True,
    ),
    "a default account builds": Mutation(
        "functions",
        "Functions are built by the builder, not by a default account.",
        FUNCTION,
        "service_account   = var.build.service_account",
        'service_account   = "default"',
        alone=True,
    ),
    "viewers start syncs": Mutation(
        "functions",
        "The dispatcher is called by Scheduler, its queue and operators only.",
        "functions.tf",
        "    local.people.operators,",
        "    local.people.viewers,",
        alone=True,
    ),
    "Scheduler uploads": Mutation(
        "functions",
        "The upload function is called by its queues only.",
        "functions.tf",
        "invokers      = [google_service_account.tasks.member]",
        "invokers      = [google_service_account.scheduler.member]",
    ),
    "viewers can't see": Mutation(
        "functions",
        "The status function is called by operators and viewers only.",
        "functions.tf",
        "concat(local.people.viewers, ",
        "concat(local.people.operators, ",
    ),
    "one API forgotten": Mutation(
        "functions",
        "Callers are the same on both APIs.",
        FUNCTION,
        "  members        = var.invokers",
        '  members        = ["user:someone@example.com"]',
    ),
    "upload open to the internet": Mutation(
        "functions",
        "The upload function is reached from inside only.",
        "functions.tf",
        "ALLOW_INTERNAL_ONLY",
        "ALLOW_ALL",
        alone=True,
    ),
    "unpinned secret": Mutation(
        "functions",
        "The key comes from the secret, in the version that is pinned.",
        FUNCTION,
        "version    = secret_environment_variables.value.version",
        'version    = "latest"',
        alone=True,
    ),
    "the status function has the key": Mutation(
        "functions",
        "The status function has no key and may read none.",
        "functions.tf",
        "secrets         = {}",
        "secrets         = local.key",
        alone=True,
    ),
    "the key in plain sight": Mutation(
        "functions",
        "The key is never a plain environment variable.",
        "functions.tf",
        "TIER               = var.tier",
        'TIER = var.tier\n      GEMINI_API_KEY = "x"',
        alone=True,
    ),
    "a timeout that the function doesn't know": Mutation(
        "functions",
        "A function knows its own timeout.",
        "functions.tf",
        "timeout_seconds = local.budgets.function_timeout",
        "timeout_seconds = 120",
    ),
    "a name with underscores": Mutation(
        "functions",
        "A name in kebab-case is the Cloud Run service's name too.",
        FUNCTION,
        "name        = var.name #",
        'name        = replace(var.name, "-", "_") #',
    ),
    "an address without the project": Mutation(
        "functions",
        "Functions know each other by the address of their Cloud Run services.",
        "locals.tf",
        "-${data.google_project.this.number}.",
        ".",
    ),
    "a package without its hash": Mutation(
        "functions",
        "Each function is deployed from its own zip, named by its sha256.",
        "storage.tf",
        '"${each.key}-${filesha256("${path.module}/${var.packages_dir}/${each.key}.zip")}.zip"',
        '"${each.key}.zip"',
    ),
    "too few instances": Mutation(
        "functions",
        "There are instances for all that the queues dispatch at once.",
        "functions.tf",
        "/ local.upload_concurrency) + 1",
        "/ local.upload_concurrency) - 2",
    ),
    "documents can be written": Mutation(
        "access",
        "nobody writes them",
        "functions.tf",
        '"roles/storage.objectViewer"',
        '"roles/storage.objectAdmin"',
    ),
    "the project that pays can be changed": Mutation(
        "access",
        "Dispatcher and upload function use the project that pays for the documents.",
        "functions.tf",
        '"roles/serviceusage.serviceUsageConsumer"',
        '"roles/serviceusage.serviceUsageAdmin"',
    ),
    "another project pays": Mutation(
        "access",
        "Dispatcher and upload function are told which project pays.",
        "functions.tf",
        "{ BILLING_PROJECT = var.documents_bucket.billing_project }",
        "{ BILLING_PROJECT = var.project_id }",
    ),
    "records can be dropped": Mutation(
        "access",
        "Dispatcher and upload function write records.",
        "firestore.tf",
        '"roles/datastore.user"',
        '"roles/datastore.owner"',
    ),
    "the status function writes": Mutation(
        "access",
        "The status function reads records and writes none.",
        "firestore.tf",
        '"roles/datastore.viewer"',
        '"roles/datastore.user"',
    ),
    "every database": Mutation(
        "access",
        "Access to Firestore is to this deployment's database only.",
        "firestore.tf",
        "resource.name == ",
        "resource.name != ",
        alone=True,
    ),
    "queues can be deleted": Mutation(
        "access",
        "Dispatcher and upload function create tasks; only the dispatcher looks at them.",
        "queues.tf",
        '"roles/cloudtasks.viewer"',
        '"roles/cloudtasks.admin"',
    ),
    "tasks with the builder's account": Mutation(
        "access",
        "Dispatcher and upload function hand tasks the tasks' account, and no other.",
        "queues.tf",
        "service_account_id = google_service_account.tasks.name",
        "service_account_id = google_service_account.build.name",
    ),
    "every bucket": Mutation(
        "access",
        "The builder reads the functions' sources only.",
        "storage.tf",
        "resource.name.startsWith",
        "!resource.name.startsWith",
    ),
    "someone else's bucket taken over": Mutation(
        "access",
        "An existing bucket of documents is only granted on.",
        "storage.tf",
        "count = var.documents_bucket.create ? 1 : 0",
        "count = 1",
    ),
    "documents deleted with their bucket": Mutation(
        "access",
        "A bucket of documents is private and never deleted with its content.",
        "storage.tf",
        "force_destroy               = false",
        "force_destroy               = true",
    ),
    "callers may change the function": Mutation(
        "access",
        "Callers may call, and nothing more.",
        FUNCTION,
        '"roles/run.invoker"',
        '"roles/run.admin"',
    ),
    "the key can be changed": Mutation(
        "access",
        "A function reads the one secret it is given, and can't change it.",
        FUNCTION,
        '"roles/secretmanager.secretAccessor"',
        '"roles/secretmanager.admin"',
    ),
    "one thread": Mutation(
        "access",
        "A process has a thread for each request it is sent.",
        FUNCTION,
        "THREADS = tostring(var.concurrency)",
        'THREADS = "1"',
    ),
    "anybody may be let in": Mutation(
        "access",
        'run "a_public_function_is_refused"... fail',
        "modules/function/variables.tf",
        'setintersection(var.invokers, ["allUsers", "allAuthenticatedUsers"])',
        "setintersection(var.invokers, [])",
        alone=True,
    ),
    "public invoker": Mutation(
        "plan",
        "No function is open to the public.",
        "functions.tf",
        "    local.people.operators,",
        '    ["allUsers"],',
        alone=True,
    ),
    "another address told": Mutation(
        "plan",
        "Operators are told where to look.",
        "outputs.tf",
        "value       = local.url.status",
        "value       = local.url.upload",
    ),
    "tasks given up": Mutation(
        "queues",
        "A task is repeated, ever more slowly, until its handler is done with it.",
        "queues.tf",
        "max_attempts = -1",
        "max_attempts = 5",
        alone=True,
    ),
    "a queue without its deployment": Mutation(
        "queues",
        "A queue's name holds the deployment's: it can't be used again for days.",
        "queues.tf",
        'name     = "${local.name}-${each.key}"',
        'name     = "fss-${each.key}"',
    ),
    "slow polls": Mutation(
        "queues",
        "Unmetered steps don't wait for the tier's rate.",
        "queues.tf",
        "rate       = 500",
        "rate       = 50",
    ),
    "wrong rate": Mutation(
        "queues",
        "The uploads queue runs at the tier's rate.",
        "queues.tf",
        "local.tier.rpm / 60",
        "local.tier.rpm / 50",
        alone=True,
    ),
    "somebody else's database": Mutation(
        "firestore",
        "Each deployment has a database of its own.",
        "firestore.tf",
        "name                              = local.name",
        'name                              = "(default)"',
    ),
    "missing index": Mutation(
        "firestore",
        "The pump finds the files that are ready.",
        "firestore.tf",
        '    ["files", "schedule.slot", "schedule.ready_at"],\n',
        "",
        alone=True,
    ),
    "a window that grows for ever": Mutation(
        "firestore",
        "Old batches and what is theirs, operations and window entries end by themselves.",
        "firestore.tf",
        '"pages", "reconcile", "window"]',
        '"pages", "reconcile"]',
        alone=True,
    ),
    "rising timestamps indexed": Mutation(
        "firestore",
        "What is not asked for is not indexed, expiry times in particular.",
        "firestore.tf",
        "index_config {} # TTL",
        'index_config {\n    indexes {\n      order = "ASCENDING"\n    }\n  } # TTL',
    ),
    "one field exempt": Mutation(
        "firestore",
        "Exemptions are for all fields of a collection.",
        "firestore.tf",
        'field      = "*"',
        'field      = "updated_at"',
    ),
    "a collection indexed whole": Mutation(
        "firestore",
        "Every large collection is exempt.",
        "firestore.tf",
        "for_each = local.indexed_fields\n",
        'for_each = { for key, of in local.indexed_fields : key => of if key != "ranges" }\n',
    ),
    "protection the wrong way round": Mutation(
        "firestore",
        "A protected deployment survives terraform destroy.",
        "firestore.tf",
        '"DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"',
        '"DELETE_PROTECTION_DISABLED" : "DELETE_PROTECTION_ENABLED"',
        alone=True,
    ),
    "databases left behind": Mutation(
        "firestore",
        "An unprotected deployment leaves nothing behind.",
        "firestore.tf",
        '"ABANDON" : "DELETE"',
        '"ABANDON" : "ABANDON"',
    ),
    "prod without history": Mutation(
        "firestore",
        "prod.tfvars protects its database and keeps its history.",
        "environments/prod.tfvars",
        "point_in_time_recovery = true",
        "point_in_time_recovery = false",
    ),
    "swapped service account": Mutation(
        "scheduler",
        "Jobs call with a token of Scheduler's account, made for the dispatcher.",
        "scheduler.tf",
        "service_account_email = google_service_account.scheduler.email",
        "service_account_email = google_service_account.tasks.email",
        alone=True,
    ),
    "Scheduler says nothing": Mutation(
        "scheduler",
        "The sync job starts a sync on the environment's schedule and says who asks.",
        "scheduler.tf",
        '{ trigger = "scheduler" }',
        '{ trigger = "http" }',
    ),
    "a supervisor that dawdles": Mutation(
        "scheduler",
        "The supervisor is called every minute, also where syncs are started by hand.",
        "scheduler.tf",
        '"* * * * *"',
        '"*/5 * * * *"',
    ),
    "Scheduler gives up early": Mutation(
        "scheduler",
        "Scheduler waits as long as the dispatcher may take.",
        "scheduler.tf",
        '"${local.budgets.dispatch_deadline}s"',
        '"60s"',
    ),
    "a forgotten alert": Mutation(
        "monitoring",
        "Every way to go wrong has an alert.",
        ALERTS,
        "    drift = {",
        "    drifted = {",
    ),
    "an alert where nothing is scheduled": Mutation(
        "monitoring",
        "A missing sync is told where one is scheduled.",
        "monitoring.tf",
        "var.sync.paused ? null : var.sync.period_hours",
        "1",
    ),
    "nobody is told": Mutation(
        "monitoring",
        "Each alert goes to the channels and says what to do.",
        ALERTS,
        "notification_channels = var.notification_channels",
        "notification_channels = []",
        alone=True,
    ),
    "a metric that isn't there": Mutation(
        "monitoring",
        "Each alert asks for a metric that is made.",
        ALERTS,
        "user_${local.metric_prefix}_${key}",
        "user_${key}",
    ),
    "everybody's logs": Mutation(
        "monitoring",
        "Metrics count this deployment's logs only.",
        METRICS,
        " AND resource.labels.service_name=(${local.services})",
        "",
    ),
    "an alert before its metric": Mutation(
        "monitoring",
        "An alert can be made before its metric has a first entry.",
        ALERTS,
        "disable_metric_validation = true",
        "disable_metric_validation = false",
    ),
    "a smoke test that is turned away": Mutation(
        "pipeline",
        "The smoke test calls what people call.",
        "functions.tf",
        "    module.pipeline[*].deployer_member,\n",
        "",
    ),
    "budgets out of order": Mutation(
        "plan",
        "The budgets don't nest",
        "locals.tf",
        "dispatch_deadline = var.function_timeout_seconds + 5 ",
        "dispatch_deadline = var.function_timeout_seconds - 5 ",
        alone=True,
    ),
    "a claim of another length": Mutation(
        "budgets",
        "A claim outlives the longest dispatch.",
        "locals.tf",
        "max(660, var.function_timeout_seconds + 65)",
        "max(661, var.function_timeout_seconds + 64)",
    ),
}

TRIGGERS = "modules/pipeline/triggers.tf"
ACCOUNTS = "modules/pipeline/accounts.tf"
APPLY = "modules/pipeline/apply.yaml"
PERMISSIONS = "modules/pipeline/steps/permissions.json"

MUTATIONS |= {
    "proposals checked with rights": Mutation(
        "pipeline",
        "A proposal is checked by the checker.",
        TRIGGERS,
        "service_account = google_service_account.checker.id",
        "service_account = google_service_account.planner.id",
        alone=True,
    ),
    "a checker that reads plans": Mutation(
        "pipeline",
        "The checker writes its own log, and may do nothing else.",
        ACCOUNTS,
        'google_storage_bucket.logs.name, role = "roles/storage.legacyBucketReader"',
        'google_storage_bucket.plans.name, role = "roles/storage.legacyBucketReader"',
    ),
    "proposals planned": Mutation(
        "pipeline",
        "What was merged is planned by the planner, and nothing else is.",
        TRIGGERS,
        "    push {",
        "    pull_request {",
        alone=True,
    ),
    "plans applied by who made them": Mutation(
        "pipeline",
        "Only a published plan is applied, by the deployer.",
        TRIGGERS,
        "service_account = google_service_account.deployer.id",
        "service_account = google_service_account.planner.id",
    ),
    "no approval": Mutation(
        "pipeline",
        "An apply waits for approval unless told otherwise.",
        TRIGGERS,
        "approval_required = var.pipeline.approval_required",
        "approval_required = false",
        alone=True,
    ),
    "an apply with the steps of a commit": Mutation(
        "pipeline",
        "The trigger that applies holds its steps itself, and reads none from a commit.",
        TRIGGERS,
        '"Applies the plan that a message names"',
        '"Applies the plan that a message names"\n  filename = "apply.yaml"',
    ),
    "a message that is not read": Mutation(
        "pipeline",
        "The message names object, generation and sha256, and the approver sees where the plan's "
        "text is.",
        TRIGGERS,
        '"$(body.message.attributes.${name})"',
        '"$(body.message.data.${name})"',
    ),
    "an apply that gives up at a lock": Mutation(
        "pipeline",
        "The plan that was fetched is applied, and waits for the state's lock.",
        APPLY,
        "-lock-timeout=10m ../plan.tfplan",
        "../plan.tfplan",
        alone=True,
    ),
    "another plan than its text": Mutation(
        "pipeline",
        "The plan is the text that was approved.",
        APPLY,
        "cmp ../../shown.txt ../../approved.txt ||",
        "true ||",
        alone=True,
    ),
    "an image by its tag": Mutation(
        "pipeline",
        "Images are named by digest.",
        TRIGGERS,
        "substitutions = merge(local.images, {\n    _DEPLOYMENT ",
        'substitutions = merge(local.images, { _PYTHON_IMAGE = "python:3" }, {\n    _DEPLOYMENT ',
    ),
    "an image without a digest": Mutation(
        "pipeline",
        "An image of the builds has no digest: run make images",
        "modules/pipeline/images.json",
        '"digest": "sha256:',
        '"digest": "',
        alone=True,
    ),
    "a planner that reads keys": Mutation(
        "pipeline",
        "The reader's role reads configuration, and no documents, records or keys.",
        PERMISSIONS,
        '"secretmanager.secrets.get"',
        '"secretmanager.secrets.get", "secretmanager.versions.access"',
        alone=True,
    ),
    "a planner that replaces plans": Mutation(
        "pipeline",
        "The planner reads configuration and this deployment's state, adds plans, and publishes "
        "them.",
        ACCOUNTS,
        '"roles/storage.objectCreator"',
        '"roles/storage.objectAdmin"',
    ),
    "a deployer that reads records": Mutation(
        "pipeline",
        "On the project the deployer has the least, and it acts as what it deploys and as itself "
        "only.",
        ACCOUNTS,
        '"roles/datastore.indexAdmin"',
        '"roles/datastore.owner"',
        alone=True,
    ),
    "a deployer that lets others in": Mutation(
        "pipeline",
        "The deployer changes no policy, identity, secret or build.",
        PERMISSIONS,
        '"run.services.update"',
        '"run.services.update", "run.services.setIamPolicy"',
        alone=True,
    ),
    "every queue": Mutation(
        "pipeline",
        "The deployer changes this deployment's functions and queues, each by a grant of its own.",
        ACCOUNTS,
        "  role     = local.role.queues",
        "  role     = local.role.deployer",
    ),
    "everybody's state": Mutation(
        "pipeline",
        "Nobody reaches the state of another deployment.",
        ACCOUNTS,
        "/objects/${var.deployment}/",
        "/objects/",
        alone=True,
    ),
    "approvers who see everything": Mutation(
        "pipeline",
        "An approver reads plans and approves them.",
        ACCOUNTS,
        "member = member, on = local.plan",
        "member = member, on = null",
    ),
}
