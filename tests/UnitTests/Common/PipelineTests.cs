using Bsp.Application.Common;
using Bsp.Domain.Common;

namespace Bsp.UnitTests.Common;

public sealed class PipelineTests
{
    private static readonly Guid Organization = Guid.Parse("01900000-0000-7000-8000-000000000001");
    private static readonly Guid Resource = Guid.Parse("01900000-0000-7000-8000-000000000002");

    private sealed record Create(Guid OrganizationId) : ICommand;

    private sealed record Change(Guid OrganizationId, Guid Id) : ICommandOn;

    [Fact]
    public async Task Work_that_is_done_is_skipped_and_names_its_resource()
    {
        var claimed = Uuid.New();
        using var _ = new CurrentRequest { CorrelationId = "t", Claim = new(Uuid.New(), claimed, WorkDone: true) }.Enter();
        (await Send(new Create(Organization))).ShouldBe(new Done(claimed, 0));
        (await Send(new Change(Organization, Resource))).ShouldBe(new Done(Resource, 0));
    }

    [Fact]
    public async Task Work_that_is_not_done_is_carried_out()
    {
        using var _ = new CurrentRequest { CorrelationId = "t", Claim = new(Uuid.New(), Uuid.New(), WorkDone: false) }.Enter();
        (await Send(new Create(Organization))).ShouldBe(new Done(Resource, 7));
    }

    private static Task<Done> Send<T>(T command) where T : ICommand =>
        new SkipDoneWorkBehavior<T, Done>().Handle(command, CancellationToken.None, () => Task.FromResult(new Done(Resource, 7)));
}
