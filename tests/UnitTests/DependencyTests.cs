using System.Reflection;

namespace Bsp.UnitTests;

/// <summary>Api → Application → Domain, Infrastructure → Application. The references of the compiled assemblies say so.</summary>
public sealed class DependencyTests
{
    private static readonly Assembly Domain = typeof(Domain.Common.Refusal).Assembly;
    private static readonly Assembly Application = typeof(Application.Common.ICommand).Assembly;

    [Fact]
    public void Domain_uses_the_base_class_library_only() =>
        Domain.GetReferencedAssemblies().Where(a => !a.Name!.StartsWith("System", StringComparison.Ordinal)).ShouldBeEmpty();

    [Fact]
    public void Application_knows_no_store_and_no_web() =>
        Application.GetReferencedAssemblies().Select(a => a.Name!)
        .Where(n => n.StartsWith("Npgsql", StringComparison.Ordinal) || n.StartsWith("StackExchange", StringComparison.Ordinal)
            || n.StartsWith("Mongo", StringComparison.Ordinal) || n.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal)
            || n == "Bsp.Infrastructure").ShouldBeEmpty();

    [Fact]
    public void Only_the_composition_root_and_its_verbs_know_Infrastructure() =>
        Directory.GetFiles(EventStore.Repository.Path("src", "Api"), "*.cs", SearchOption.AllDirectories)
            .Where(file => Path.GetFileName(file) is not ("Program.cs" or "RotateKeys.cs" or "AuditCommand.cs" or "RetentionCommand.cs"
                or "ArchiveCommand.cs" or "ReconcileCommand.cs" or "BackupCommand.cs" or "SendingCommand.cs")
                && File.ReadAllText(file).Contains("using Bsp.Infrastructure", StringComparison.Ordinal))
            .ShouldBeEmpty("endpoints send commands; what they need of a store stands behind a port of Application");

    [Fact]
    public void In_Domain_a_feature_uses_of_others_only_ids_and_events()
    {
        var wrong = from type in Domain.GetTypes().Where(t => t.Namespace is { } n && n != "Bsp.Domain.Common")
                    from field in type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)
                    let used = field.FieldType
                    where used.Assembly == Domain && used.Namespace != type.Namespace && used.Namespace != "Bsp.Domain.Common"
                    select $"{type.Name} holds {used.FullName}";
        wrong.ShouldBeEmpty();
    }
}
