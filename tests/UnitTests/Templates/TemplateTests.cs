using System.Text.Json;
using Bsp.Domain.Templates;
using Bsp.UnitTests.Common;

namespace Bsp.UnitTests.Templates;

public sealed class TemplateTests
{
    private static readonly Guid Id = Guid.Parse("01900000-0000-7000-8000-000000000001");
    private static readonly Guid Account = Guid.Parse("01900000-0000-7000-8000-000000000002");
    private static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly JsonElement Hello = Json("""{"body":{"text":"Hello {{1}}, welcome.","example":["Ann"]}}""");
    private static readonly JsonElement Other = Json("""{"body":{"text":"Good day {{1}}, welcome.","example":["Ann"]}}""");

    private static readonly TemplateCreated Created = new(Id, Account, "welcome", "UTILITY", "en", Hello, null, Noon);
    private static readonly TemplateSubmitted Submitted = new(Id, "77", "PENDING", "UTILITY", Noon);
    private static readonly TemplateStatusChanged Approved = new(Id, "APPROVED", "APPROVED", null, Noon);
    private static readonly TemplateStatusChanged Rejected = new(Id, "REJECTED", "REJECTED", "SCAM", Noon);
    private static readonly TemplateStatusChanged Paused = new(Id, "PAUSED", "PAUSED", "FIRST_PAUSE", Noon);
    private static readonly TemplateStatusChanged PausedHere = new(Id, "PAUSED", TemplateStatuses.PausedHere, "holiday", Noon);
    private static readonly TemplateRevised Revised = new(Id, "UTILITY", Other, null, Noon);
    private static readonly TemplateDeleted Deleted = new(Id, Noon);

    private static Given<Template, TemplateEvent> Given(params TemplateEvent[] past) => new(Template.Initial, Template.Evolve, past);

    private static JsonElement Json(string json) => JsonSerializer.Deserialize<JsonElement>(json);

    private static TemplateEvent[] Create(Template state) =>
        Template.Create(state, Id, Account, "welcome", "UTILITY", "en", Hello, null, Noon);

    [Fact] public void A_draft_is_begun() => Given().When(Create).Then(Created);

    [Fact] public void The_same_draft_again_changes_nothing() => Given(Created).When(Create).Then();

    [Fact] public void Another_draft_under_its_id_is_refused() => Given(Created)
        .When(s => Template.Create(s, Id, Account, "other", "UTILITY", "en", Hello, null, Noon)).ThenRefused("template.exists");

    [Fact] public void A_broken_rule_is_refused_by_its_code() => Given()
        .When(s => Template.Create(s, Id, Account, "Welcome!", "UTILITY", "en", Hello, null, Noon)).ThenRefused("template.name_invalid");

    [Fact] public void A_revision_makes_it_a_draft_again() =>
        Given(Created, Submitted, Approved).When(s => Template.Revise(s, "UTILITY", Other, null, Noon)).Then(Revised);

    [Fact] public void A_revision_that_changes_nothing_is_none() =>
        Given(Created, Submitted).When(s => Template.Revise(s, "UTILITY", Hello, null, Noon)).Then();

    [Fact] public void Nothing_is_revised_in_review() =>
        Given(Created, Submitted).When(s => Template.Revise(s, "UTILITY", Other, null, Noon)).ThenRefused("template.in_review");

    [Fact] public void The_category_of_an_approved_one_is_fixed() => Given(Created, Submitted, Approved)
        .When(s => Template.Revise(s, "MARKETING", Hello, null, Noon)).ThenRefused("template.category_fixed");

    [Fact] public void A_disabled_one_cannot_be_revised() =>
        Given(Created, Submitted, new TemplateStatusChanged(Id, "PAUSED", "DISABLED", null, Noon))
        .When(s => Template.Revise(s, "UTILITY", Other, null, Noon)).ThenRefused("template.disabled");

    [Fact] public void A_submission_is_recorded() =>
        Given(Created).When(s => Template.RecordSubmission(s, "77", "PENDING", "UTILITY", Noon)).Then(Submitted);

    [Fact] public void A_submission_recorded_twice_is_one() =>
        Given(Created, Submitted).When(s => Template.RecordSubmission(s, "77", "PENDING", "UTILITY", Noon)).Then();

    [Fact] public void Approval_that_overtook_the_answer_stands() =>
        Given(Created, Submitted, Approved).When(s => Template.RecordSubmission(s, "77", "PENDING", "UTILITY", Noon)).Then();

    [Fact] public void Approval_before_the_answer_brings_the_id_along() =>
        Given(Created).When(s => Template.ChangeStatus(s, "77", "APPROVED", "NONE", Noon)).Then(Submitted, Approved);

    [Fact] public void The_same_webhook_twice_gives_no_event() =>
        Given(Created, Submitted, Approved).When(s => Template.ChangeStatus(s, "77", "APPROVED", null, Noon)).Then();

    [Fact] public void An_older_status_changes_nothing() =>
        Given(Created, Submitted, Approved).When(s => Template.ChangeStatus(s, "77", "REJECTED", "SCAM", Noon.AddMinutes(-1))).Then();

    [Fact] public void Disabled_shows_as_paused_and_keeps_its_name() =>
        Given(Created, Submitted, Approved).When(s => Template.ChangeStatus(s, "77", "DISABLED", null, Noon.AddHours(1)))
        .Then(new TemplateStatusChanged(Id, "PAUSED", "DISABLED", null, Noon.AddHours(1)));

    [Fact] public void An_unknown_status_is_kept_and_moves_nothing() =>
        Given(Created, Submitted, Approved).When(s => Template.ChangeStatus(s, "77", "GLOWING", null, Noon.AddHours(1)))
        .Then(new TemplateStatusChanged(Id, "APPROVED", "GLOWING", null, Noon.AddHours(1)));

    [Fact] public void Meta_deleting_it_deletes_it() =>
        Given(Created, Submitted).When(s => Template.ChangeStatus(s, "77", "DELETED", null, Noon)).Then(Deleted);

    [Fact] public void A_redelivered_approval_of_the_former_text_does_not_approve_the_new_one() =>
        Given(Created, Submitted, Approved, Revised, Submitted).When(s => Template.ChangeStatus(s, "77", "APPROVED", null, Noon)).Then();

    [Fact] public void Meta_moves_the_category() => Given(Created).When(s => Template.ChangeCategory(s, "MARKETING", Noon))
        .Then(new TemplateCategoryChanged(Id, "UTILITY", "MARKETING", Noon));

    [Fact] public void An_impending_category_changes_nothing() =>
        Given(Created).When(s => Template.ChangeCategory(s, "UTILITY", Noon)).Then();

    [Fact] public void Quality_is_recorded_once()
    {
        var green = new TemplateQualityChanged(Id, null, "GREEN", Noon);
        Given(Created).When(s => Template.ChangeQuality(s, "GREEN", Noon)).Then(green);
        Given(Created, green).When(s => Template.ChangeQuality(s, "GREEN", Noon)).Then();
    }

    [Fact] public void New_texts_from_Meta_are_taken() =>
        Given(Created, Submitted).When(s => Template.ChangeTexts(s, null, "Good day {{1}}, welcome.", null, null, Noon))
        .Then(new TemplateComponentsChanged(Id, Other, Noon));

    [Fact] public void The_same_texts_from_Meta_are_no_change() =>
        Given(Created, Submitted).When(s => Template.ChangeTexts(s, null, "Hello {{1}}, welcome.", null, null, Noon)).Then();

    [Fact] public void An_unsent_revision_is_not_overwritten() => Given(Created, Submitted, Approved, Revised)
        .When(s => Template.ChangeTexts(s, null, "Hello {{1}}, welcome.", null, null, Noon)).Then();

    [Fact] public void Pausing_stops_it() =>
        Given(Created, Submitted, Approved).When(s => Template.Pause(s, "holiday", Noon)).Then(PausedHere);

    [Fact] public void Pausing_twice_changes_nothing() =>
        Given(Created, Submitted, Approved, PausedHere).When(s => Template.Pause(s, "again", Noon)).Then();

    [Fact] public void A_draft_cannot_be_paused() =>
        Given(Created).When(s => Template.Pause(s, null, Noon)).ThenRefused("template.not_approved");

    [Fact] public void Metas_good_news_does_not_end_our_own_pause() => Given(Created, Submitted, Approved, PausedHere)
        .When(s => Template.ChangeStatus(s, "77", "APPROVED", null, Noon.AddHours(2))).Then();

    [Fact] public void Resuming_ends_a_pause() =>
        Given(Created, Submitted, Approved, Paused).When(s => Template.Resume(s, Noon)).Then(Approved);

    [Fact] public void A_disabled_one_cannot_be_resumed() =>
        Given(Created, Submitted, new TemplateStatusChanged(Id, "PAUSED", "DISABLED", null, Noon)).When(s => Template.Resume(s, Noon))
        .ThenRefused("template.disabled");

    [Fact] public void A_draft_cannot_be_resumed() => Given(Created).When(s => Template.Resume(s, Noon)).ThenRefused("template.not_paused");

    [Fact] public void Deleting_twice_is_deleting_once()
    {
        Given(Created).When(s => Template.Delete(s, Noon)).Then(Deleted);
        Given(Created, Deleted).When(s => Template.Delete(s, Noon)).Then();
    }

    [Fact] public void What_was_never_begun_is_unknown()
    {
        Given().When(s => Template.Delete(s, Noon)).ThenRefused("template.unknown");
        Given().When(s => Template.Pause(s, null, Noon)).ThenRefused("template.unknown");
        Given(Created, Deleted).When(s => Template.Revise(s, "UTILITY", Other, null, Noon)).ThenRefused("template.unknown");
        Given(Created, Deleted).When(s => Template.ChangeStatus(s, "77", "APPROVED", null, Noon)).Then();
    }

    [Fact] public void Only_a_complete_draft_goes_to_Meta()
    {
        Template.MustSubmit(State(Created)).ShouldBeTrue();
        Template.MustSubmit(State(Created, Submitted)).ShouldBeFalse();
        Template.MustSubmit(State(Created, Submitted, Approved, Revised)).ShouldBeTrue();
        Should.Throw<Domain.Common.Refusal>(() =>
            Template.MustSubmit(State(Created, Submitted, Rejected))).Code.ShouldBe("template.rejected");
        var bare = Created with { Components = Json("""{"body":"Hello {{1}}, welcome."}""") };
        Should.Throw<Domain.Common.Refusal>(() => Template.MustSubmit(State(bare))).Code.ShouldBe("template.example_missing");
        Template.MustSubmit(State(bare with { Variables = Json("""["Ann"]""") })).ShouldBeTrue();
    }

    [Fact] public void A_sync_catches_up_with_everything()
    {
        var theirs = Json("""[{"type":"BODY","text":"Good day {{1}}, welcome.","example":{"body_text":[["Ann"]]}}]""");
        Given(Created).When(s => Template.Sync(s, "77", "APPROVED", null, "MARKETING", theirs, Noon)).Then(
            Submitted, Approved, new TemplateCategoryChanged(Id, "UTILITY", "MARKETING", Noon),
            new TemplateComponentsChanged(Id, Json("""{"body":{"text":"Good day {{1}}, welcome.","example":{"body_text":[["Ann"]]}}}"""),
                Noon));
    }

    [Fact] public void A_sync_with_nothing_new_changes_nothing() =>
        Given(Created, Submitted, Approved)
        .When(s => Template.Sync(s, "77", "APPROVED", null, "UTILITY", Json("""[{"type":"BODY","text":"Hello {{1}}, welcome."}]"""),
            Noon.AddDays(1))).Then();

    private static Template State(params TemplateEvent[] past) => past.Aggregate(Template.Initial, Template.Evolve);
}
