using Bsp.Benchmarks;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using FsCheck;
using FsCheck.Fluent;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.EventStore;

/// <summary>
/// Random commands on few streams, through two stores in turns as two processes would, against a model of a dozen lines. A failure shows
/// the seed and the smallest case.
/// </summary>
public sealed class AppendModelTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private const int Streams = 4;

    public enum Kind { Append, AppendTwo, Decide, DecideNothing, Load, Archive, Restore }

    /// <summary>One command.</summary>
    /// <param name="Store">Which of the two stores carries it out.</param>
    /// <param name="Off">Added to the version the model has: 0 is right, anything else a conflict; null expects no version.</param>
    public sealed record Step(Kind Kind, int Store, int Stream, int? Off, int Events)
    {
        public static Gen<Step> Any { get; } =
            from kind in Gen.Frequency((6, Gen.Constant(Kind.Append)), (3, Gen.Constant(Kind.AppendTwo)), (3, Gen.Constant(Kind.Decide)),
                (1, Gen.Constant(Kind.DecideNothing)), (2, Gen.Constant(Kind.Load)), (1, Gen.Constant(Kind.Archive)),
                (1, Gen.Constant(Kind.Restore)))
            from store in Gen.Choose(0, 1)
            from stream in Gen.Choose(0, Streams - 1)
            from off in Gen.Frequency((3, Gen.Constant<int?>(0)), (2, Gen.Constant<int?>(null)),
                (1, Gen.Choose(-2, 2).Select(n => (int?)n)))
            from events in Gen.Choose(1, 3)
            select new Step(kind, store, stream, off, events);
    }

    [Fact]
    public void Every_command_does_what_the_model_says_and_nothing_else()
    {
        var cases = Gen.ListOf(Step.Any, 40).Select(steps => steps.ToArray()).ToArbitrary();
        Prop.ForAll(cases, steps => FollowsModelAsync(steps)).Check(Config.QuickThrowOnFailure.WithMaxTest(12));
    }

    [Fact]
    public async Task A_case_that_was_hard_once_stays_right()
    {
        // Archived elsewhere while remembered here, restored, moved elsewhere, decided here again.
        Step[] steps =
            [new(Kind.Decide, 0, 0, 0, 1), new(Kind.Archive, 1, 0, 0, 1), new(Kind.Decide, 0, 0, 0, 1), new(Kind.Restore, 1, 0, 0, 1),
                new(Kind.Append, 1, 0, null, 2), new(Kind.DecideNothing, 0, 0, 0, 1), new(Kind.Decide, 0, 0, 0, 3)];
        (await FollowsModelAsync(steps)).ShouldBeTrue();
    }

    private async Task<bool> FollowsModelAsync(Step[] steps)
    {
        await using var one = database.NewStore();
        await using var two = database.NewStore();
        var organization = await database.NewOrganizationAsync();
        var model = Enumerable.Range(0, Streams).Select(_ => new Model(Uuid.New())).ToArray();
        for (var n = 0; n < steps.Length; n++)
        {
            await CarryOutAsync(steps[n].Store == 0 ? one : two, organization, model, steps[n], $"{n}");
        }

        foreach (var own in model)
        {
            await one.RestoreAsync(organization, [own.Id], default);
        }

        var stored = await two.LoadManyAsync(organization, [.. model.Select(m => m.Id)], default);
        stored.Select(s => string.Join(',', s.Events.Select(e => ((CampaignPaused)e.Body!).Reason)))
            .ShouldBe(model.Select(m => string.Join(',', m.Reasons)));
        stored.SelectMany(s => s.Events.Select((e, i) => e.Version == i + 1)).ShouldAllBe(right => right);
        return true;
    }

    private static async Task CarryOutAsync(PostgresEventStore store, Guid organization, Model[] model, Step step, string reason)
    {
        var (own, other) = (model[step.Stream], model[(step.Stream + 1) % Streams]);
        switch (step.Kind)
        {
            case Kind.Append:
                await AppendAsync(store, organization, [(own, step.Off is { } off ? own.Version + off : null)], step.Events, reason);
                break;
            case Kind.AppendTwo:
                await AppendAsync(store, organization, [(own, step.Off is { } first ? own.Version + first : null), (other, other.Version)],
                    step.Events, reason);
                break;
            case Kind.Decide or Kind.DecideNothing:
                await DecideAsync(store, organization, own, step.Kind == Kind.Decide ? step.Events : 0, reason);
                break;
            case Kind.Load:
                (await store.LoadAsync(organization, own.Id, default)).Version.ShouldBe(own.Archived ? 0 : own.Version);
                break;
            case Kind.Archive:
                (await store.ArchiveAsync(organization, [(own.Id, own.Version)], default))
                    .ShouldBe(own.Archived || own.Version == 0 ? 0 : 1);
                own.Archived |= own.Version > 0;
                break;
            default:
                await store.RestoreAsync(organization, [own.Id], default);
                own.Archived = false;
                break;
        }
    }

    private static async Task AppendAsync(PostgresEventStore store, Guid organization, (Model Stream, long? Expected)[] items, int events,
        string reason)
    {
        var outcome =
            await store.AppendAsync(organization,
                [.. items.Select(i => Append(i.Stream.Id, i.Expected, [.. Enumerable.Repeat(Paused(i.Stream.Id, reason), events)]))],
                default);
        var verdict = items.Any(i => i.Stream.Archived) ? AppendVerdict.Archived
            : items.Any(i => i.Expected is { } expected && expected != i.Stream.Version) ? AppendVerdict.Conflict : AppendVerdict.Ok;
        outcome.Verdict.ShouldBe(verdict);
        if (verdict == AppendVerdict.Ok)
        {
            Array.ForEach(items, i => i.Stream.Reasons.AddRange(Enumerable.Repeat(reason, events)));
        }

        outcome.Versions.ShouldBe(items.Select(i => i.Stream.Version));
    }

    private static async Task DecideAsync(PostgresEventStore store, Guid organization, Model own, int events, string reason)
    {
        var decided =
            store.Decide<Counted, CampaignEvent>(organization, own.Id, n =>
                [.. Enumerable.Range(0, events).Select(i => Paused(own.Id, $"{reason} on {n.Count}"))], null, default);
        if (own.Archived)
        {
            (await Should.ThrowAsync<Refusal>(decided)).Code.ShouldBe("stream.archived");
            return;
        }

        own.Reasons.AddRange(Enumerable.Repeat($"{reason} on {own.Version}", events));
        (await decided).Version.ShouldBe(own.Version);
    }

    private sealed class Model(Guid id)
    {
        public Guid Id => id;

        public List<string> Reasons { get; } = [];

        public bool Archived { get; set; }

        public long Version => Reasons.Count;
    }
}
