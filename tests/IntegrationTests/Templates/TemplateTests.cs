using Bsp.Application.Common;
using Bsp.Application.Meta;
using Bsp.Application.Templates;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Templates;
using Bsp.IntegrationTests.Contacts;

namespace Bsp.IntegrationTests.Templates;

public sealed class TemplateTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private const string Hello = """{"body":{"text":"Hello {{1}}, welcome.","example":["Ann"]}}""";
    private static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly ScriptedMeta meta = new();
    private readonly string waba = $"{Random.Shared.NextInt64(1_000_000_000)}";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private async Task<(Guid Organization, Guid Account)> HomeAsync()
    {
        var organization = await database.NewOrganizationAsync();
        return (organization, await database.NewAccountAsync(organization, waba));
    }

    private async Task<Guid> CreateAsync(Guid organization, Guid account, string? name = null) =>
        (await new CreateTemplateHandler(database.Store, References, TimeProvider.System)
            .Handle(new(organization, account, name ?? NewName(), "UTILITY", "en", ContactsDatabase.Json(Hello), null), Ct)).Id;

    private static string NewName() => $"t_{Guid.NewGuid():N}";

    private TemplateReferences References => new(database.Shards, meta);

    private Task<TemplateView> GetAsync(Guid organization, Guid id) =>
        new GetTemplateHandler(database.Shards).Handle(new(organization, id), Ct);

    private Task<Done> SubmitAsync(Guid organization, Guid id) =>
        new SubmitTemplateHandler(database.Store, References, meta, new NoFiles(), TimeProvider.System)
            .Handle(new(organization, id, null), Ct);

    private Task<Guid?> TellAsync(Guid organization, string status, string? metaId, TemplateView? named = null,
        DateTimeOffset? at = null) =>
        new TemplateNewsHandlers(database.Store, References)
        .Handle(new RecordTemplateStatus(organization, new(waba, metaId, named?.Name, named?.Language), status, "NONE", at ?? Noon), Ct);

    [Fact]
    public async Task A_template_lives_from_draft_to_deletion()
    {
        var (organization, account) = await HomeAsync();
        var id = await CreateAsync(organization, account);
        var draft = await GetAsync(organization, id);
        (draft.Status, draft.MetaTemplateId, draft.Version).ShouldBe(("DRAFT", null, 1));

        await SubmitAsync(organization, id);
        await SubmitAsync(organization, id); // in review: nothing
        const string components = """[{"type":"BODY","text":"Hello {{1}}, welcome.","example":{"body_text":[["Ann"]]}}]""";
        meta.Calls.ShouldBe([$"submit {waba} open sealed  {draft.Name} en UTILITY {components}"]);
        var metaId = $"meta-{draft.Name}";
        (await TellAsync(organization, "APPROVED", metaId)).ShouldBe(id);
        (await TellAsync(organization, "APPROVED", metaId)).ShouldBe(id);
        var approved = await GetAsync(organization, id);
        (approved.Status, approved.StatusExact, approved.MetaTemplateId, approved.Version, approved.RejectionReason)
            .ShouldBe(("APPROVED", "APPROVED", metaId, 3, null));
        approved.ApprovedAt.ShouldBe(Noon);

        var news = new TemplateNewsHandlers(database.Store, References);
        var key = new TemplateKey(waba, metaId, null, null);
        await news.Handle(new RecordTemplateCategory(organization, key, "MARKETING", Noon), Ct);
        await news.Handle(new RecordTemplateQuality(organization, key, "YELLOW", Noon), Ct);
        await news.Handle(new RecordTemplateComponents(organization, key, null, "Hi {{1}}, welcome.", null, null, Noon), Ct);
        var changed = await GetAsync(organization, id);
        (changed.Category, changed.Quality, changed.Components.GetProperty("body").GetProperty("text").GetString())
            .ShouldBe(("MARKETING", "YELLOW", "Hi {{1}}, welcome."));

        await TellAsync(organization, "PAUSED", metaId, at: Noon.AddHours(1));
        await new ResumeTemplateHandler(database.Store, References, meta, TimeProvider.System).Handle(new(organization, id, null), Ct);
        meta.Calls[^1].ShouldBe($"unpause {metaId}");
        await new DeleteTemplateHandler(database.Store, References, meta, TimeProvider.System).Handle(new(organization, id, null), Ct);
        meta.Calls[^1].ShouldBe($"delete {draft.Name} {metaId}");
        (await Should.ThrowAsync<Refusal>(GetAsync(organization, id))).Code.ShouldBe("template.unknown");
        (await new GetTemplateVersionsHandler(database.Store).Handle(new(organization, id), Ct)).Select(v => v.Type).ShouldBe(
        [
            "template_created", "template_submitted", "template_status_changed", "template_category_changed", "template_quality_changed",
                "template_components_changed",
            "template_status_changed", "template_status_changed", "template_deleted",
        ]);
        await CreateAsync(organization, account, draft.Name); // the name is free again
    }

    [Fact]
    public async Task An_approval_that_comes_before_the_answer_is_not_lost()
    {
        var (organization, account) = await HomeAsync();
        var id = await CreateAsync(organization, account);
        var draft = await GetAsync(organization, id);
        meta.Meanwhile = async () => (await TellAsync(organization, "APPROVED", $"meta-{draft.Name}", draft)).ShouldBe(id);
        await SubmitAsync(organization, id);
        (await GetAsync(organization, id))
            .ShouldSatisfyAllConditions(t => t.Status.ShouldBe("APPROVED"), t => t.MetaTemplateId.ShouldBe($"meta-{draft.Name}"));
    }

    [Fact]
    public async Task A_submission_that_died_before_it_was_written_down_is_found_at_Meta()
    {
        var (organization, account) = await HomeAsync();
        var id = await CreateAsync(organization, account);
        var draft = await GetAsync(organization, id);
        meta.Refuses = new MetaRefused(100, "exists", retryable: false);
        await Should.ThrowAsync<MetaRefused>(SubmitAsync(organization, id));
        (await GetAsync(organization, id)).Status.ShouldBe("DRAFT");
        meta.Listed.Add(new ListedTemplate($"there-{waba}", draft.Name, "en", "APPROVED", "UTILITY",
            ContactsDatabase.Json("""[{"type":"BODY","text":"Hello {{1}}, welcome."}]"""), null));
        await SubmitAsync(organization, id);
        (await GetAsync(organization, id))
            .ShouldSatisfyAllConditions(t => t.Status.ShouldBe("APPROVED"), t => t.MetaTemplateId.ShouldBe($"there-{waba}"));
    }

    [Fact]
    public async Task A_sync_records_what_differs()
    {
        var (organization, account) = await HomeAsync();
        var id = await CreateAsync(organization, account);
        var draft = await GetAsync(organization, id);
        var handler = new SyncTemplateHandler(database.Store, References, meta, TimeProvider.System);
        (await Should.ThrowAsync<Refusal>(handler.Handle(new(organization, id), Ct))).Code.ShouldBe("template.not_at_meta");
        meta.Listed.Add(new ListedTemplate($"sync-{waba}", draft.Name, "en", "REJECTED", "MARKETING",
            ContactsDatabase.Json("""[{"type":"BODY","text":"Hello {{1}}, welcome."}]"""), "SCAM"));
        await handler.Handle(new(organization, id), Ct);
        await handler.Handle(new(organization, id), Ct);
        (await GetAsync(organization, id))
            .ShouldSatisfyAllConditions(t => (t.Status, t.Category, t.RejectionReason, t.MetaTemplateId, t.Version)
                .ShouldBe(("REJECTED", "MARKETING", "SCAM", $"sync-{waba}", 4)));
    }

    [Fact]
    public async Task Of_thirty_drafts_of_one_name_one_comes_to_be()
    {
        var (organization, account) = await HomeAsync();
        var name = NewName();
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => Task.Run(async () =>
        {
            try
            {
                await CreateAsync(organization, account, name);
                return "made";
            }
            catch (Refusal refusal)
            {
                return refusal.Code;
            }
        })));
        outcomes.Count(o => o == "made").ShouldBe(1);
        outcomes.Count(o => o == "template.name_taken").ShouldBe(29);
        (await new ListTemplatesHandler(database.Shards)
            .Handle(new(organization, account, "DRAFT", name, 50, null), Ct)).Data.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_neighbours_account_and_template_are_unknown()
    {
        var (organization, account) = await HomeAsync();
        var id = await CreateAsync(organization, account);
        var stranger = await database.NewOrganizationAsync();
        (await Should.ThrowAsync<Refusal>(CreateAsync(stranger, account))).Code.ShouldBe("account.unknown");
        (await Should.ThrowAsync<Refusal>(GetAsync(stranger, id))).Code.ShouldBe("template.unknown");
        (await Should.ThrowAsync<Refusal>(SubmitAsync(stranger, id))).Code.ShouldBe("template.unknown");
        (await Should.ThrowAsync<Refusal>(new GetTemplateVersionsHandler(database.Store)
            .Handle(new(stranger, id), Ct))).Code.ShouldBe("template.unknown");
        (await TellAsync(stranger, "APPROVED", null, await GetAsync(organization, id))).ShouldBeNull();
    }

    [Fact]
    public async Task A_revision_by_merge_patch_makes_a_draft()
    {
        var (organization, account) = await HomeAsync();
        var id = await CreateAsync(organization, account);
        await SubmitAsync(organization, id);
        await TellAsync(organization, "APPROVED", (await GetAsync(organization, id)).MetaTemplateId);
        var handler = new ReviseTemplateHandler(database.Store, TimeProvider.System);
        await Should.ThrowAsync<VersionConflict>(
            handler.Handle(new(organization, id, ContactsDatabase.Json("""{"components":{"footer":"Bye"}}"""), 1), Ct));
        await handler.Handle(new(organization, id, ContactsDatabase.Json("""{"components":{"footer":"Bye"}}"""), 3), Ct);
        var revised = await GetAsync(organization, id);
        revised.Status.ShouldBe("DRAFT");
        revised.Components.GetProperty("body").GetProperty("text").GetString().ShouldBe("Hello {{1}}, welcome.");
        await SubmitAsync(organization, id);
        meta.Calls[^1].ShouldStartWith($"submit {waba} open sealed {revised.MetaTemplateId} ");
        (await new PreviewTemplateHandler(database.Shards)
            .Handle(new(organization, id, ContactsDatabase.Json("""{"body":["Bob"]}""")), Ct)).Body.ShouldBe("Hello Bob, welcome.");
    }

    [Fact]
    public async Task A_Meta_id_that_another_organization_has_does_not_break_the_log()
    {
        var (first, firstAccount) = await HomeAsync();
        var (second, secondAccount) = await HomeAsync();
        var name = NewName();
        var ids = new[] { await CreateAsync(first, firstAccount, name), await CreateAsync(second, secondAccount, name) };
        await SubmitAsync(first, ids[0]);
        await SubmitAsync(second, ids[1]); // the script gives the same id
        // its own: unique within an organization, and no neighbour is in the way
        (await GetAsync(second, ids[1]))
            .ShouldSatisfyAllConditions(t => t.Status.ShouldBe("PENDING"), t => t.MetaTemplateId.ShouldBe($"meta-{name}"));
    }
}
