using System.Reflection;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.UnitTests;

/// <summary>
/// A feature that is written but not registered is named here. Nothing is started: the container is made, its services are not.
/// </summary>
public sealed class RegistrationTests
{
    private static readonly Assembly Infrastructure = typeof(Composition).Assembly;

    [Fact]
    public void Composition_lists_every_setup()
    {
        var listed = Composition.Features.Select(add => add.Method.DeclaringType!.Name).ToList();
        listed.ShouldBeUnique();
        listed.ShouldBe([.. listed.Order(StringComparer.Ordinal)], "in the order of their names, so that additions merge");
        Infrastructure.GetTypes().Where(type => type.Name.EndsWith("Setup", StringComparison.Ordinal)).Select(type => type.Name)
            .Except(listed).ShouldBeEmpty();
    }

    [Fact]
    public void Every_registered_service_can_be_made()
    {
        // Whoever needs what nobody registers is named by the container.
        using var provider = Services().BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
        provider.ShouldNotBeNull();
    }

    [Fact]
    public void Every_view_is_found_and_found_once()
    {
        var written = Infrastructure.GetTypes()
            .Where(type => type is { IsClass: true, IsAbstract: false } && !type.IsAssignableTo(typeof(IProjectionCopy))
            && (type.IsAssignableTo(typeof(IInlineView)) || type.IsAssignableTo(typeof(IProjection)))).Select(type => type.Name);
        var registered = Services()
            .Where(service => service.ServiceType == typeof(IInlineView) || service.ServiceType == typeof(IProjection))
            .Select(service => (service.ImplementationType ?? service.ImplementationInstance?.GetType())?.Name ?? "a factory");
        registered.Order(StringComparer.Ordinal).ShouldBe(written.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task ViewNames_lists_the_projections_that_run()
    {
        await using var provider = Services().BuildServiceProvider();
        var names = typeof(ViewNames).GetFields().Select(field => (string)field.GetRawConstantValue()!);
        provider.GetServices<IProjection>().Select(projection => projection.Name).Order(StringComparer.Ordinal)
            .ShouldBe(names.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Without_ClickHouse_nothing_runs_that_needs_it() =>
        Services(clickHouse: null).Where(service => service.ServiceType == typeof(IProjection))
            .ShouldNotContain(service => service.ImplementationType!.IsDefined(typeof(NeedsClickHouseAttribute)));

    private static IServiceCollection Services(string? clickHouse = "http://127.0.0.1:1/?database=none")
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:Directory"] = "Host=127.0.0.1;Port=1;Database=none;Username=none",
            ["ConnectionStrings:Redis"] = "127.0.0.1:1",
            ["ConnectionStrings:ClickHouse"] = clickHouse,
            ["Bsp:PlatformKey"] = "a-platform-key-only-for-tests",
            ["Bsp:MasterKey"] = Convert.ToBase64String(new byte[32]),
        }).Build();
        return new ServiceCollection().AddLogging().AddSingleton<IConfiguration>(configuration)
            .AddBsp(BspConfiguration.Read(configuration, development: true));
    }
}
