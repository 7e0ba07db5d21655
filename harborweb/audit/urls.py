"""Addresses of the audit."""

from django.urls import path

from harborweb.audit import views
from harborweb.audit.badge import views as badge_views
from harborweb.audit.changes import views as changes
from harborweb.audit.ci import views as ci
from harborweb.audit.compare import views as compare
from harborweb.audit.findings import views as findings
from harborweb.audit.handing import views as handing
from harborweb.audit.hooks import views as hooks
from harborweb.audit.keyless import views as keyless
from harborweb.audit.keys import rotation_views as rotation
from harborweb.audit.keys import views as keys
from harborweb.audit.notices import views as notices
from harborweb.audit.policies import views as policies
from harborweb.audit.signing import rule_views as rules
from harborweb.audit.signing import views as signing
from harborweb.audit.sweeps import views as sweeps

app_name = "audit"
urlpatterns = [
    path("", views.home, name="home"),
    path("sweep/", views.sweep, name="sweep"),
    path("sweeps/", sweeps.page, name="sweeps"),
    path("sweeps/<int:pk>/settings/", sweeps.settings, name="sweep_settings"),
    path("sweeps/<int:pk>/continue/", sweeps.go_on, name="sweep_continue"),
    path("export.<str:form>", views.export, name="export"),
    path("badges/", badge_views.badges, name="badges"),
    path("simulator/", badge_views.simulated, name="simulator"),
    path("changes/", changes.page, name="changes"),
    path("compare/", compare.page, name="compare"),
    path("compare.csv", compare.export, name="compare_csv"),
    path("hooks/<int:pk>/", hooks.page, name="hooks"),
    path("hooks/<int:pk>/make/", hooks.make, name="hooks_make"),
    path("policy/", policies.home, name="policy"),
    path("policy/<int:pk>/", policies.edit, name="policy_edit"),
    path("policy/<int:pk>/save/", policies.save, name="policy_save"),
    path("policy/<int:pk>/restore/<int:number>/", policies.restore, name="policy_restore"),
    path("policy/<int:pk>/export.json", policies.export, name="policy_export"),
    path("findings/", findings.home, name="findings"),
    path("findings/acknowledge/", findings.acknowledge, name="findings_acknowledge"),
    path("findings/<int:pk>/", findings.detail, name="finding"),
    path("findings/<int:pk>/reopen/", findings.reopen, name="finding_reopen"),
    path("keyless/", keyless.home, name="keyless"),
    path("keyless/root/", keyless.root, name="keyless_root"),
    path("keyless/allow/", keyless.allow, name="keyless_allow"),
    path("keyless/<int:pk>/disallow/", keyless.disallow, name="keyless_disallow"),
    path("notices/", notices.home, name="notices"),
    path("notices/add/", notices.add, name="notice_add"),
    path("notices/metrics/", notices.metrics_token, name="metrics_token"),
    path("notices/<int:pk>/", notices.change, name="notice"),
    path("notices/<int:pk>/test/", notices.test, name="notice_test"),
    path("notices/<int:pk>/remove/", notices.remove, name="notice_remove"),
    path("sign/", signing.choose, name="choose"),
    path("sign/<int:pk>/", signing.signing_list, name="signing_list"),
    path("sign/<int:pk>/begin/", signing.signing_begin, name="signing_begin"),
    path("sign/automatic/", rules.page, name="rules"),
    path("sign/automatic/add/", rules.add, name="rule_add"),
    path("sign/automatic/<int:pk>/switch/", rules.switch, name="rule_switch"),
    path("sign/automatic/<int:pk>/remove/", rules.remove, name="rule_remove"),
    path("keys/<int:pk>/impact/", keys.impact, name="key_impact"),
    path("keys/<int:pk>/save/", keys.save, name="key_save"),
    path("keys/<int:pk>/rotation/", rotation.page, name="rotation"),
    path("keys/<int:pk>/rotation/choose/", rotation.choose, name="rotation_choose"),
    path("keys/<int:pk>/rotation/look/", rotation.look, name="rotation_look"),
    path("keys/<int:pk>/rotation/sign/", rotation.sign, name="rotation_sign"),
    path("handouts/", handing.home, name="handouts"),
    path("handouts/<int:registry>/make/<str:kind>/", handing.make, name="handout_make"),
    path("handouts/<int:pk>/file/", handing.download, name="handout"),
    path("handouts/<int:pk>/remove/", handing.remove, name="handout_remove"),
    path("ci/", ci.page, name="ci"),
    path("<int:pk>/", views.detail, name="detail"),
    path("<int:pk>/check/", sweeps.check, name="check"),
    path("<int:pk>/evidence.zip", views.evidence, name="evidence"),
]
