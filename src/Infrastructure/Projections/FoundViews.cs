using System.Reflection;
using Bsp.Application.Common;
using Bsp.Infrastructure.EventStore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Bsp.Infrastructure.Projections;

/// <summary>This projection fills tables in ClickHouse: without a connection string of one it does not run.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class NeedsClickHouseAttribute : Attribute;

/// <summary>Registers the views of an assembly, so that a new one is written and nothing more.</summary>
internal static class FoundViews
{
    /// <summary>
    /// Every inline view and every projection, once each, in the order of their full names, so that all processes write their tables in the
    /// same order. The copies that rebuilds fill
    /// belong to their views and are none.
    /// </summary>
    public static void AddViews(this IServiceCollection services, Assembly assembly, BspOptions options)
    {
        foreach (var type in In(assembly)
            .Where(type => options.ClickHouse is not null || !type.IsDefined(typeof(NeedsClickHouseAttribute))))
        {
            services.TryAddEnumerable(ServiceDescriptor.Singleton(type.IsAssignableTo(typeof(IInlineView)) ? typeof(IInlineView)
                : typeof(IProjection), type));
        }
    }

    /// <summary>Inline views and projections of the assembly.</summary>
    public static IEnumerable<Type> In(Assembly assembly) => assembly.GetTypes()
        .Where(type => type is { IsClass: true, IsAbstract: false, IsNested: false } && !type.IsAssignableTo(typeof(IProjectionCopy))
            && (type.IsAssignableTo(typeof(IInlineView)) || type.IsAssignableTo(typeof(IProjection))))
        .OrderBy(type => type.FullName, StringComparer.Ordinal);
}
